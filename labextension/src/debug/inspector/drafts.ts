/** Drafts: typed text, not saved yet. Actions that let messages go on save drafts first. */

type Field = HTMLInputElement | HTMLTextAreaElement;
/** Save function, kept on the field itself because the widget's bundle and the panel's each have a copy of this module. */
type Draft = Field & { floeSave?: () => Promise<void> };

/**
 * Let `save` save the text typed into a field, which has `data-dirty` until then. Returns a function that saves now, once per
 * text for all callers.
 */
export function draft(field: Field, save: (text: string) => Promise<void>): () => Promise<void> {
  let saving: Promise<void> | null = null;
  const saveNow = async () => {
    const text = field.value;
    await save(text);
    if (field.value === text) {
      delete field.dataset.dirty;
    }
  };
  field.addEventListener('input', () => {
    field.dataset.dirty = '';
  });
  return ((field as Draft).floeSave = async () => {
    if (field.dataset.dirty !== undefined) {
      await (saving ??= saveNow().finally(() => {
        saving = null;
      }));
    }
  });
}

/** Save all drafts in `root`. A draft that cannot be saved is shown, and its error thrown. */
export async function saveDrafts(root: ParentNode): Promise<void> {
  for (const field of root.querySelectorAll<Draft>('[data-dirty]')) {
    try {
      await field.floeSave?.();
    } catch (error) {
      field.closest('details')?.setAttribute('open', '');
      field.focus();
      throw new Error(`Not saved, so no message goes on: ${(error as Error).message}`);
    }
  }
}

/** Save all drafts in all debug views of an instance. */
export async function saveAllDrafts(instance: string): Promise<void> {
  for (const view of document.querySelectorAll(`.floe-bench[data-instance="${CSS.escape(instance)}"]`)) {
    await saveDrafts(view);
  }
}
