// Live calls: one connection while somebody looks, merged into a table.

import { api, aborted } from './client';
import type { LiveCall, LiveUpdate, Problem } from './types';
import { asProblem } from './client';

// LiveTable holds the running calls. A snapshot replaces it; a delta changes and removes.
export class LiveTable {
  private calls = new Map<string, LiveCall>();

  apply(u: LiveUpdate): void {
    if (u.snapshot) this.calls.clear();
    for (const c of u.calls ?? []) {
      if (c.state === 'ended') this.calls.delete(c.id);
      else this.calls.set(c.id, c);
    }
    for (const id of u.gone ?? []) this.calls.delete(id);
  }

  get size(): number {
    return this.calls.size;
  }

  // list is the running calls, newest first; calls that began together keep one order.
  list(): LiveCall[] {
    return [...this.calls.values()].sort((a, b) => compare(b.start ?? '', a.start ?? '') || compare(a.id, b.id));
  }
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

export type LiveState = { calls: LiveCall[]; at: string | null; connected: boolean; problem: Problem | null };

const COALESCE_MS = 250;
const RETRY_MS = [1000, 2000, 5000, 10000];

// lasting tells whether a problem stays as long as what is asked stays: asking again does not help.
export const lasting = (p: Problem) => p.status >= 400 && p.status < 500 && p.status !== 408 && p.status !== 429;

// watchLive keeps a live connection open, emits at most four times a second, and answers the function that ends it. A
// hidden page gives the connection back: sensors send live calls only while somebody looks.
export function watchLive(emit: (s: LiveState) => void, where = ''): () => void {
  const table = new LiveTable();
  let state: LiveState = { calls: [], at: null, connected: false, problem: null };
  let timer = 0;
  let retry = 0;
  let failures = 0;
  let connection: AbortController | null = null;

  const publish = () => {
    timer = 0;
    state = { ...state, calls: table.list() };
    emit(state);
  };
  const soon = () => {
    timer ||= window.setTimeout(publish, COALESCE_MS);
  };

  async function connect() {
    const mine = (connection = new AbortController());
    try {
      await api.live((u) => {
        table.apply(u);
        failures = 0;
        state = { ...state, at: u.t, connected: true, problem: null };
        soon();
      }, mine.signal, where);
    } catch (e) {
      if (aborted(e) || mine.signal.aborted) return;
      state = { ...state, problem: asProblem(e) };
    }
    if (mine.signal.aborted) return;
    state = { ...state, connected: false };
    soon();
    if (state.problem && lasting(state.problem)) return;
    retry = window.setTimeout(connect, RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)]);
  }

  const disconnect = () => {
    connection?.abort();
    connection = null;
    clearTimeout(retry);
  };
  const visibility = () => {
    if (document.hidden) disconnect();
    else if (!connection) void connect();
  };
  document.addEventListener('visibilitychange', visibility);
  visibility();
  return () => {
    document.removeEventListener('visibilitychange', visibility);
    disconnect();
    clearTimeout(timer);
  };
}
