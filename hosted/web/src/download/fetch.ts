// Fetches a file, with progress: straight from the sensor where that may be, else through hosted; and goes on where it broke off.

import { aborted, APIError, request } from '../api/client';
import type { Problem } from '../api/types';
import { Memory, type Sink } from './sink';
import { unreachable, type Way } from './way';

export interface Progress {
  got: number; // bytes
  total: number | null; // null: not told
  by: 'finding' | 'direct' | 'relay'; // finding: a direct way is looked for
}

export interface Loaded {
  blob: Blob | null; // null: it is in the file that was chosen
  name: string;
  size: number; // bytes
  direct: number; // of them, those that came straight from the sensor
  why: string; // why not all did; "": there is nothing to say
}

// Fetcher holds what came so far. run may be called again after it failed.
export class Fetcher {
  private got = 0;
  private total: number | null = null;
  private tag = ''; // of what came so far, in quotes; "": it cannot be gone on with
  private name = '';
  private type = '';
  private straight = 0; // bytes that came directly
  private why: string;

  // path is below /api/v1; otherwise is the name where none is offered.
  constructor(private path: string, private otherwise: string, private way: Way = { direct: false, why: '', sensor: '' }, private sink: Sink = new Memory()) {
    this.why = way.why;
  }

  async run(progress: (p: Progress) => void, signal: AbortSignal): Promise<Loaded> {
    if (!this.way.direct || !(await this.directly(progress, signal))) await this.relayed(progress, signal);
    const blob = await this.sink.end(this.type);
    return { blob, name: this.name || this.otherwise, size: this.got, direct: this.straight, why: this.why };
  }

  // discard lets go of what came.
  discard = () => this.sink.discard();

  // directly tells whether all of it came straight from the sensor.
  private async directly(progress: (p: Progress) => void, signal: AbortSignal): Promise<boolean> {
    this.way = { ...this.way, direct: false }; // once: what is missing then is relayed
    const show = (by: Progress['by']) => progress({ got: this.got, total: this.total, by });
    show('finding');
    const { transfer, NotDirect } = await import('./direct');
    try {
      await transfer(this.path, this.tag ? this.got : 0, this.tag.slice(1, -1), {
        head: async (h) => {
          if (h.from !== this.got) await this.restart();
          this.tag = h.tag ? `"${h.tag}"` : '';
          this.total = h.size < 0 ? null : h.size;
          this.name = fileName(`attachment; filename="${h.name ?? ''}"`);
          this.type = h.type;
          show('direct');
        },
        bytes: async (b) => {
          await this.take(b);
          this.straight += b.length;
          show('direct');
        },
      }, signal);
      return true;
    } catch (e) {
      if (aborted(e) || !(e instanceof NotDirect)) throw e;
      if (e.unreachable) unreachable(this.way.sensor, e.why);
      if (e.damaged) await this.restart();
      this.why = e.why;
      return false;
    }
  }

  private async relayed(progress: (p: Progress) => void, signal: AbortSignal) {
    const headers: Record<string, string> = {};
    if (this.got > 0 && this.tag) {
      headers.Range = `bytes=${this.got}-`;
      headers['If-Range'] = this.tag;
    }
    const res = await request('GET', this.path, { signal, headers });
    if (res.status !== 206 || this.got === 0) await this.restart();
    const length = Number(res.headers.get('Content-Length') ?? NaN);
    this.total = Number.isFinite(length) ? this.got + length : null;
    this.tag = /^"/.test(res.headers.get('ETag') ?? '') ? res.headers.get('ETag')! : '';
    this.name = fileName(res.headers.get('Content-Disposition'));
    this.type = res.headers.get('Content-Type') ?? '';
    const show = () => progress({ got: this.got, total: this.total, by: 'relay' });
    show();
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
      await this.take(part.value);
      show();
    }
    if (this.total !== null && this.got < this.total) throw new APIError(broken(this.tag !== ''));
  }

  private async take(b: Uint8Array<ArrayBuffer>) {
    await this.sink.write(b);
    this.got += b.length;
  }

  private async restart() {
    if (this.got > 0) await this.sink.restart();
    this.got = this.straight = 0;
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
