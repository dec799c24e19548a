/** What is typed and not yet saved: whoever lets messages go on saves it first. */

type Field = HTMLInputElement | HTMLTextAreaElement;
/** On the field itself: the widget's bundle and the panel's have each a copy of this module. */
type Draft = Field & { floeSave?: () => Promise<void> };

/** `save` is for what is typed into the field, which has `data-dirty` until then. Returns how to save now: once for one text, whoever asks. */
export function draft(field: Field, save: (text: string) => Promise<void>): () => Promise<void> {
  let under: Promise<void> | null = null;
  const store = async () => {
    const text = field.value;
    await save(text);
    if (field.value === text) {
      delete field.dataset.dirty;
    }
  };
  field.addEventListener('input', () => { field.dataset.dirty = ''; });
  return (field as Draft).floeSave = async () => {
    if (field.dataset.dirty !== undefined) {
      await (under ??= store().finally(() => { under = null; }));
    }
  };
}

/** Save everything that is typed there. What cannot be saved is shown, and thrown. */
export async function settle(root: ParentNode): Promise<void> {
  for (const field of root.querySelectorAll<Draft>('[data-dirty]')) {
    try {
      await field.floeSave?.();
    } catch (error) {
      field.closest('details')?.setAttribute('open', '');
      field.focus();
      throw new Error(`Not saved, so nothing goes on: ${(error as Error).message}`);
    }
  }
}

/** The same for every bench that shows this instance. */
export async function settleAll(instance: string): Promise<void> {
  for (const bench of document.querySelectorAll(`.floe-bench[data-instance="${CSS.escape(instance)}"]`)) {
    await settle(bench);
  }
}
