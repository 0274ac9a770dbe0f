// The one way to hosted's API. Every error that leaves this module is an APIError that holds a Problem.

import type {
  Account, AuditEntry, CDR, CallPage, EnrolToken, LiveUpdate, OpenSession, Peaks, Problem, Provider, ProviderLink, Right, Role, RuleCheck, RuleField,
  RuleRevision, Rules, Sensor, SensorRules, Token, TokenWish, User,
} from './types';
import { lines } from './ndjson';

const BASE = '/api/v1';

// Hearing is how a call is listened to.
export interface Hearing {
  side: 'both' | 'caller' | 'callee'; // both: caller left, callee right
  buffer: 'adaptive' | '50' | '200'; // the jitter buffer that plays it, ms
  mute: boolean; // DTMF tones are silent
}

const audioPath = (id: string) => `/calls/${encodeURIComponent(id)}/audio`;
const hearing = (h: Hearing) => new URLSearchParams({ side: h.side, buffer: h.buffer, ...(h.mute ? { dtmf: 'mute' } : {}) });

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
  // providers are those that everybody is shown, or one by its id.
  providers: async (id = '', signal?: AbortSignal) => (await get<{ providers: Provider[] }>(`/oidc${id && `?provider=${encodeURIComponent(id)}`}`, signal)).providers,
  changePassword: (current: string, password: string) => send<null>('PUT', '/session/password', { current, password }),
  sessions: (signal?: AbortSignal) => get<OpenSession[]>('/sessions', signal),
  endSession: (id: string) => send<null>('DELETE', `/sessions/${encodeURIComponent(id)}`),
  endOtherSessions: () => send<null>('DELETE', '/sessions'),
  tokens: (signal?: AbortSignal) => get<Token[]>('/tokens', signal),
  addToken: (t: TokenWish) => send<{ token: string }>('POST', '/tokens', t),
  removeToken: (id: string) => send<null>('DELETE', `/tokens/${encodeURIComponent(id)}`),
  links: (signal?: AbortSignal) => get<ProviderLink[]>('/session/links', signal),
  link: (current: string, provider: string) => send<{ url: string }>('POST', '/session/links', { current, provider }),
  unlink: () => send<null>('DELETE', '/session/links'),
  version: (signal?: AbortSignal) => get<{ version: string }>('/version', signal),
  calls: (query: URLSearchParams, signal?: AbortSignal) => get<CallPage>(`/calls?${query}`, signal),
  call: (id: string, signal?: AbortSignal) => get<CDR>(`/calls/${encodeURIComponent(id)}`, signal),
  sensors: (signal?: AbortSignal) => get<Sensor[] | null>('/sensors', signal).then((a) => a ?? []),
  revoke: (uuid: string) => send<null>('DELETE', `/sensors/${encodeURIComponent(uuid)}`),
  enrol: () => send<EnrolToken>('POST', '/sensors/tokens', {}),

  // live calls emit with every update until the signal aborts or the connection ends.
  async live(emit: (u: LiveUpdate) => void, signal: AbortSignal, where = ''): Promise<void> {
    const res = await request('GET', where ? `/live?${new URLSearchParams({ where })}` : '/live', { signal });
    if (!res.body) return;
    for await (const line of lines(res.body)) emit(JSON.parse(line) as LiveUpdate);
  },

  rules: (signal?: AbortSignal) => get<Rules>('/rules', signal),
  saveRules: (revision: number, text: string) => send<Rules>('PUT', '/rules', { revision, text }),
  checkRules: (text: string, signal?: AbortSignal) => send<RuleCheck>('POST', '/rules/check', { text }, signal),
  ruleHistory: (signal?: AbortSignal) => get<RuleRevision[]>('/rules/history', signal),
  rulesAt: (revision: number, signal?: AbortSignal) => get<Rules>(`/rules/history/${revision}`, signal),
  ruleFields: (signal?: AbortSignal) => get<RuleField[]>('/rules/fields', signal),
  sensorRules: (uuid: string, signal?: AbortSignal) => get<SensorRules>(`/sensors/${encodeURIComponent(uuid)}/api/rules`, signal),

  users: (signal?: AbortSignal) => get<Account[]>('/users', signal),
  addUser: (u: { name: string; role: Role; rights: Right[]; password?: string }) => send<Account>('POST', '/users', u),
  changeUser: (name: string, change: { role?: Role; rights?: Right[]; password?: string; disabled?: boolean }) => send<Account>('PUT', `/users/${encodeURIComponent(name)}`, change),
  removeUser: (name: string) => send<null>('DELETE', `/users/${encodeURIComponent(name)}`),
  audit: (query: URLSearchParams, signal?: AbortSignal) => get<AuditEntry[]>(`/audit?${query}`, signal),

  audioURL: (id: string, how: Hearing) => `${BASE}${audioPath(id)}?${hearing(how)}`,
  spectrogramURL: (id: string, how: Hearing, width: number, height: number) => `${BASE}${audioPath(id)}/spectrogram?${hearing(how)}&width=${width}&height=${height}`,
  peaks: (id: string, how: Hearing, points: number, signal?: AbortSignal) => get<Peaks>(`${audioPath(id)}/peaks?${hearing(how)}&points=${points}`, signal),

  // archive asks how many calls a zip of captures would hold and how large it is about. limit: the search finds more than one
  // zip may hold, and these are the newest so many; 0: they are all.
  async archive(query: URLSearchParams, signal?: AbortSignal): Promise<{ calls: number; bytes: number; limit: number }> {
    const init = signal ? { signal } : {};
    const told = (res: Response, limit: number) => ({ calls: Number(res.headers.get('X-Total-Calls')), bytes: Number(res.headers.get('X-Total-Bytes')), limit });
    const res = await fetch(`${BASE}/captures?${query}`, { ...init, method: 'HEAD' });
    if (res.ok) return told(res, 0);
    try {
      const got = await request('GET', `/captures?${query}`, init); // HEAD has no body to hold a reason
      void got.body?.cancel();
      return told(got, 0);
    } catch (e) {
      const limit = Number(asProblem(e).fields?.limit);
      if (asProblem(e).code !== 'too-many-calls' || !(limit > 0)) throw e;
      const newest = new URLSearchParams(query);
      newest.set('limit', String(limit));
      return told(await request('HEAD', `/captures?${newest}`, init), limit);
    }
  },
};

function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return request('GET', path, signal ? { signal } : {}).then((r) => r.json() as Promise<T>);
}

async function send<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const init: RequestInit = body === undefined ? {} : { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } };
  if (signal) init.signal = signal;
  const res = await request(method, path, init);
  return (res.status === 204 ? null : await res.json()) as T;
}

export async function request(method: string, path: string, init: RequestInit): Promise<Response> {
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
