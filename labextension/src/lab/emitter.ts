/** Minimal event source, which calls its listeners. */
export class Emitter<T> {
  private readonly listeners = new Set<(value: T) => void>();

  /** Add a listener. Returns a function that removes the listener. */
  on(listener: (value: T) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  emit(value: T): void {
    for (const listener of [...this.listeners]) {
      listener(value);
    }
  }
}
