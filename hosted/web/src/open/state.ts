// The capture that is open in this tab. It stays open while the user looks at other pages, and is gone with the tab.

import { useEffect, useState } from 'preact/hooks';
import { asProblem } from '../api/client';
import type { Problem } from '../api/types';
import { Fetcher } from '../download/fetch';
import { Engine, fetchEngine, type Progress, type Report } from './engine';
import { isKeyLog } from './keylog';

export interface Opened {
  phase: 'empty' | 'fetching' | 'loading' | 'reading' | 'open' | 'failed'; // fetching what was kept; loading the engine
  names: string[]; // of the files
  size: number; // bytes of them
  keylog: string; // its name, ""
  kept: string; // the call whose packets they are, as they were kept; ""
  progress: Progress;
  stopped: boolean; // by the user, before the end
  seconds: number; // that reading took
  report: Report | null;
  problem: Problem | null;
  engine: Engine | null;
}

const NOTHING: Opened = {
  phase: 'empty', names: [], size: 0, keylog: '', kept: '', progress: { read: 0, packets: 0, calls: 0 }, stopped: false, seconds: 0, report: null, problem: null, engine: null,
};

let opened = NOTHING;
let control = new AbortController();
const listeners = new Set<() => void>();

function set(change: Partial<Opened>) {
  opened = { ...opened, ...change };
  for (const f of listeners) f();
}

export function useOpened(): Opened {
  const [, again] = useState(0);
  useEffect(() => {
    const f = () => again((n) => n + 1);
    listeners.add(f);
    return () => void listeners.delete(f);
  }, []);
  return opened;
}

// openKept opens the packets that a sensor keeps of a call.
export async function openKept(id: string) {
  close();
  const mine = (control = new AbortController());
  set({ ...NOTHING, phase: 'fetching', kept: id });
  try {
    const got = await new Fetcher(`/calls/${encodeURIComponent(id)}/capture`, 'call.pcapng').run((p) => mine.signal.aborted || set({ size: p.total ?? 0, progress: { ...opened.progress, read: p.got } }), mine.signal);
    if (!mine.signal.aborted) await openFiles([new File([got.blob!], got.name)], id);
  } catch (e) {
    if (!mine.signal.aborted) set({ phase: 'failed', problem: asProblem(e) });
  }
}

// openFiles opens captures as one, with key logs that are among the files. kept: the call whose packets a sensor kept in them.
export async function openFiles(files: File[], kept = '') {
  close();
  const mine = (control = new AbortController());
  const kinds = await Promise.all(files.map(isKeyLog));
  const captures = files.filter((_, i) => !kinds[i]);
  const keys = files.filter((_, i) => kinds[i]);
  if (captures.length === 0) {
    const problem = keys.length > 0 ? { code: 'no-capture', status: 0, title: 'These are TLS keys only', remedy: 'Open the capture together with them.' } : null;
    return set({ ...NOTHING, phase: problem ? 'failed' : 'empty', problem });
  }
  const keylog = keys.length > 0 ? new File(keys.flatMap((k) => [k, '\n']), keys[0]!.name) : null;
  set({ ...NOTHING, phase: 'loading', kept, names: captures.map((f) => f.name), size: captures.reduce((n, f) => n + f.size, 0), keylog: keylog?.name ?? '' });
  try {
    const wasm = await fetchEngine(mine.signal);
    const begun = performance.now();
    const engine = new Engine((progress) => opened.engine === engine && set({ progress }));
    set({ engine, phase: 'reading' });
    const report = await engine.open(wasm, captures, keylog);
    if (mine.signal.aborted) return;
    set({ phase: 'open', report, seconds: (performance.now() - begun) / 1000 });
  } catch (e) {
    if (mine.signal.aborted) return;
    opened.engine?.end();
    set({ phase: 'failed', engine: null, problem: asProblem(e) });
  }
}

// stop ends the reading; what came is shown.
export function stop() {
  set({ stopped: true });
  opened.engine?.stop();
}

// close forgets the capture.
export function close() {
  control.abort();
  opened.engine?.end();
  set(NOTHING);
}
