// Fetches a file into the browser's memory, with progress, and goes on where it broke off when the server can.

import { APIError, request } from '../api/client';
import type { Problem } from '../api/types';

export interface Progress {
  got: number; // bytes
  total: number | null; // null: not told
}

export interface Loaded {
  blob: Blob;
  name: string;
}

// Fetcher holds what came so far. run may be called again after it failed.
export class Fetcher {
  private parts: Uint8Array<ArrayBuffer>[] = [];
  private got = 0;
  private total: number | null = null;
  private tag = ''; // of what came so far; "": it cannot be gone on with
  private name = '';
  private type = '';

  constructor(private path: string, private otherwise: string) {} // below /api/v1; the name where none is offered

  async run(progress: (p: Progress) => void, signal: AbortSignal): Promise<Loaded> {
    const headers: Record<string, string> = {};
    if (this.got > 0 && this.tag) {
      headers.Range = `bytes=${this.got}-`;
      headers['If-Range'] = this.tag;
    }
    const res = await request('GET', this.path, { signal, headers });
    if (res.status !== 206 || this.got === 0) this.restart();
    const length = Number(res.headers.get('Content-Length') ?? NaN);
    this.total = Number.isFinite(length) ? this.got + length : null;
    this.tag = /^"/.test(res.headers.get('ETag') ?? '') ? res.headers.get('ETag')! : '';
    this.name = fileName(res.headers.get('Content-Disposition')) || this.otherwise;
    this.type = res.headers.get('Content-Type') ?? '';
    progress({ got: this.got, total: this.total });
    const reader = res.body!.getReader();
    for (;;) {
      let part;
      try {
        part = await reader.read();
      } catch (e) {
        if (signal.aborted) throw e;
        throw new APIError(broken(this.tag !== ''));
      }
      if (part.done) break;
      this.parts.push(part.value);
      this.got += part.value.length;
      progress({ got: this.got, total: this.total });
    }
    if (this.total !== null && this.got < this.total) throw new APIError(broken(this.tag !== ''));
    return { blob: new Blob(this.parts, { type: this.type }), name: this.name };
  }

  private restart() {
    this.parts = [];
    this.got = 0;
  }
}

const broken = (resumes: boolean): Problem => ({
  code: 'broken-off', status: 0, title: 'The download broke off',
  remedy: resumes ? 'Try again: it goes on where it stopped.' : 'Try again.',
});

// fileName reads the name that an answer offers; never a path.
export function fileName(disposition: string | null): string {
  const m = /filename\*=UTF-8''([^;]+)/i.exec(disposition ?? '');
  let name = /filename="([^"]*)"/i.exec(disposition ?? '')?.[1] ?? /filename=([^;"\s]+)/i.exec(disposition ?? '')?.[1] ?? '';
  if (m) {
    try {
      name = decodeURIComponent(m[1]!);
    } catch {
      // the plain one serves
    }
  }
  return name.replace(/^.*[/\\]/, '');
}
