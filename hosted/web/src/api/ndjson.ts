// lines yields the non-empty lines of a body as they arrive.
export async function* lines(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.getReader();
  const text = new TextDecoder();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      rest += done ? text.decode() : text.decode(value, { stream: true });
      const parts = rest.split('\n');
      rest = parts.pop() ?? '';
      for (const p of parts) if (p.trim()) yield p;
      if (done) {
        if (rest.trim()) yield rest;
        return;
      }
    }
  } finally {
    reader.cancel().catch(() => {}); // the connection may be gone already
  }
}
