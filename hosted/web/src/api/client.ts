// The one way to hosted's API. Every error that leaves this module is an APIError that holds a Problem.

import type { CDR, CallPage, EnrolToken, LiveUpdate, Problem, Sensor, User } from './types';
import { lines } from './ndjson';

const BASE = '/api/v1';

export class APIError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.title);
  }
}

// onUnauthorized is called when hosted no longer knows the session. The app sets it.
let onUnauthorized = () => {};
export function whenUnauthorized(f: () => void) {
  onUnauthorized = f;
}

export const api = {
  session: (signal?: AbortSignal) => get<{ user: User }>('/session', signal).then((a) => a.user),
  login: (name: string, password: string) => send<{ user: User }>('POST', '/session', { name, password }).then((a) => a.user),
  logout: () => send<null>('DELETE', '/session'),
  version: (signal?: AbortSignal) => get<{ version: string }>('/version', signal),
  calls: (query: URLSearchParams, signal?: AbortSignal) => get<CallPage>(`/calls?${query}`, signal),
  call: (id: string, signal?: AbortSignal) => get<CDR>(`/calls/${encodeURIComponent(id)}`, signal),
  sensors: (signal?: AbortSignal) => get<Sensor[] | null>('/sensors', signal).then((a) => a ?? []),
  revoke: (uuid: string) => send<null>('DELETE', `/sensors/${encodeURIComponent(uuid)}`),
  enrol: () => send<EnrolToken>('POST', '/sensors/tokens', {}),

  // live calls emit with every update until the signal aborts or the connection ends.
  async live(emit: (u: LiveUpdate) => void, signal: AbortSignal): Promise<void> {
    const res = await request('GET', '/live', { signal });
    if (!res.body) return;
    for await (const line of lines(res.body)) emit(JSON.parse(line) as LiveUpdate);
  },

  captureURL: (id: string) => `${BASE}/calls/${encodeURIComponent(id)}/capture`,

  // captureSize asks whether the capture can be had now. It answers the size in bytes (null: not told), or throws the
  // reason why not.
  async captureSize(id: string): Promise<number | null> {
    const path = `/calls/${encodeURIComponent(id)}/capture`;
    let res = await fetch(BASE + path, { method: 'HEAD' });
    if (!res.ok) res = await request('GET', path, { headers: { Range: 'bytes=0-0' } }); // HEAD has no body to hold a reason
    void res.body?.cancel();
    const size = res.headers.get('Content-Range')?.split('/')[1] ?? res.headers.get('Content-Length');
    return size && /^\d+$/.test(size) ? Number(size) : null;
  },
};

function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return request('GET', path, signal ? { signal } : {}).then((r) => r.json() as Promise<T>);
}

async function send<T>(method: string, path: string, body?: unknown): Promise<T> {
  const init: RequestInit = body === undefined ? {} : { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } };
  const res = await request(method, path, init);
  return (res.status === 204 ? null : await res.json()) as T;
}

async function request(method: string, path: string, init: RequestInit): Promise<Response> {
  let res: Response;
  try {
    res = await fetch(BASE + path, { ...init, method });
  } catch (e) {
    if (init.signal?.aborted) throw e;
    throw new APIError({
      code: 'server-unreachable', status: 0, title: 'The server does not answer',
      remedy: 'Check your network connection; the page tries again by itself where it can.',
    });
  }
  if (res.ok) return res;
  const problem = await readProblem(res);
  if (res.status === 401 && path !== '/session') onUnauthorized();
  throw new APIError(problem);
}

// readProblem makes a Problem of any answer that is not a success, whoever sent it (a proxy in between answers HTML).
export async function readProblem(res: Response): Promise<Problem> {
  const text = await res.text().catch(() => '');
  try {
    const p = JSON.parse(text) as Problem;
    if (p.code && p.title) return { ...p, status: res.status };
  } catch {
    // not JSON: told below
  }
  const problem: Problem = { code: 'internal', status: res.status, title: `Unexpected answer ${res.status} ${res.statusText}`.trim() };
  if (text && !text.startsWith('<')) problem.detail = text.slice(0, 200);
  return problem;
}

// asProblem turns whatever was thrown into something that can be shown.
export function asProblem(e: unknown): Problem {
  if (e instanceof APIError) return e.problem;
  return { code: 'internal', status: 0, title: e instanceof Error ? e.message : String(e) };
}

export const aborted = (e: unknown) => e instanceof DOMException && e.name === 'AbortError';
