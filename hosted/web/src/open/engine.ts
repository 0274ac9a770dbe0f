// The page's end of the worker that reads captures.

import { engineSize, engineURL } from 'virtual:engine';
import { APIError } from '../api/client';
import type { Problem, Time } from '../api/types';
import { READING, type Order, type Word } from './words';

export const engineBytes = engineSize; // as it is sent, 0: this build has none

// Report is what was read, and everything that was not understood.
export interface Report {
  done: boolean;
  error: string; // why reading ended early, ""
  packets: number;
  bytes: number;
  calls: number;
  streams: number;
  sip_messages: number;
  rtp_packets: number;
  first: Time | null;
  last: Time | null;
  transactions_ok: number; // outside of calls
  transactions_refused: number;
  transactions_unanswered: number;
  not_analysed: { name: string; count: number }[];
  warnings: { input: string; offset: number; text: string }[];
}

export interface Progress {
  read: number; // bytes of the files
  packets: number;
  calls: number;
}

export interface Reply {
  name: string; // to save it under
  body: Blob;
}

const none: Problem = { code: 'no-engine', status: 0, title: 'This build of hosted has no analysis engine for the browser', remedy: 'Build it by make build, or read the capture with voipmon analyze or voiptop -r.' };
const gone: Problem = { code: 'engine-ended', status: 0, title: 'The analysis engine in this tab has ended', remedy: 'Open the file again. If the tab ran out of memory, voipmon analyze and voiptop -r read captures of any size.' };

// fetchEngine fetches the program. The browser keeps it: its address changes when it does.
export async function fetchEngine(signal: AbortSignal): Promise<ArrayBuffer> {
  if (!engineURL) throw new APIError(none);
  const unreachable = { code: 'server-unreachable', status: 0, title: 'The analysis engine could not be fetched', remedy: 'Check your network connection and try again.' };
  let res: Response;
  try {
    res = await fetch(engineURL, { signal });
    if (res.ok) return await res.arrayBuffer();
  } catch (e) {
    if (signal.aborted) throw e;
    throw new APIError(unreachable);
  }
  throw new APIError({ ...unreachable, status: res.status, remedy: 'The server was updated meanwhile: load the page anew.' });
}

export class Engine {
  private worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'engine' });
  private waiting = new Map<number, { yes: (r: Reply) => void; no: (e: unknown) => void }>();
  private count = 0;
  private dead: APIError | null = null; // nobody answers any more
  private opened: { yes: (r: Report) => void; no: (e: unknown) => void } | null = null;

  constructor(private progress: (p: Progress) => void) {
    this.worker.onmessage = (e: MessageEvent<Word>) => this.hear(e.data);
    this.worker.onerror = (e) => {
      e.preventDefault();
      this.fail(e.message);
    };
  }

  // open reads captures as one, merged by time.
  open(wasm: ArrayBuffer, files: File[], keylog: File | null): Promise<Report> {
    return new Promise((yes, no) => {
      this.opened = { yes, no };
      this.say({ do: 'open', wasm, files, keylog }, [wasm]);
    });
  }

  // stop ends the reading: what came is there.
  stop() {
    this.say({ do: 'cancel', n: READING });
  }

  // ask answers what hosted's API would answer to GET.
  ask(target: string, signal?: AbortSignal): Promise<Reply> {
    return new Promise((yes, no) => {
      if (signal?.aborted) return no(signal.reason);
      if (this.dead) return no(this.dead);
      const n = this.count++;
      this.waiting.set(n, { yes, no });
      signal?.addEventListener('abort', () => {
        if (!this.waiting.delete(n)) return;
        this.say({ do: 'cancel', n });
        no(signal.reason);
      });
      this.say({ do: 'ask', n, target });
    });
  }

  json<T>(target: string, signal?: AbortSignal): Promise<T> {
    return this.ask(target, signal).then(async (r) => JSON.parse(await r.body.text()) as T);
  }

  // end frees everything.
  end() {
    this.worker.terminate();
    this.fail('');
  }

  private say(o: Order, transfer: Transferable[] = []) {
    this.worker.postMessage(o, transfer);
  }

  private hear(w: Word) {
    switch (w.tell) {
      case 'progress':
        this.progress(w);
        break;
      case 'opened':
        if (w.problem) this.opened?.no(new APIError({ code: 'not-readable', status: 0, title: 'The file cannot be read', detail: w.problem.replaceAll(/\/capture\/\d+\//g, '') }));
        else this.opened?.yes(JSON.parse(w.report) as Report);
        this.opened = null;
        break;
      case 'answer':
        void this.answer(w);
        break;
      case 'died':
        this.fail(w.why);
    }
  }

  private async answer(w: Extract<Word, { tell: 'answer' }>) {
    const asker = this.waiting.get(w.n);
    if (!asker) return; // it has gone
    this.waiting.delete(w.n);
    if (w.status < 400) asker.yes({ name: w.name, body: w.body });
    else asker.no(new APIError(JSON.parse(await w.body.text()) as Problem));
  }

  private fail(why: string) {
    const e = (this.dead ??= new APIError(why ? { ...gone, detail: why } : gone));
    this.opened?.no(e);
    this.opened = null;
    for (const asker of this.waiting.values()) asker.no(e);
    this.waiting.clear();
  }
}
