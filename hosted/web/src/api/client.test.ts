import { afterEach, describe, expect, test, vi } from 'vitest';
import { api, APIError, asProblem, readProblem, whenUnauthorized } from './client';
import { EVERYTHING, apiQuery } from '../query';

// answer makes fetch give the next of these responses, and returns the requests that were made.
function answer(...responses: (Response | Error)[]) {
  const asked: string[] = [];
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    const range = new Headers(init.headers).get('Range');
    asked.push(`${init.method} ${url}${range ? ` ${range}` : ''}`);
    const next = responses.shift();
    if (!next || next instanceof Error) throw next ?? new Error('one request too many');
    return next;
  });
  return asked;
}
const problem = (status: number, code: string) => new Response(JSON.stringify({ code, status, title: `title of ${code}`, remedy: 'do this' }), { status });
const failure = (p: Promise<unknown>) => p.then(() => expect.fail('it succeeded'), asProblem);

afterEach(() => {
  vi.unstubAllGlobals();
  whenUnauthorized(() => {});
});

describe('an error', () => {
  test('is the problem that hosted sent', async () => {
    answer(problem(404, 'not-found'));
    expect(await failure(api.call('x'))).toMatchObject({ code: 'not-found', status: 404, title: 'title of not-found', remedy: 'do this' });
  });
  test('of a proxy in between is told without its HTML', async () => {
    expect(await readProblem(new Response('<html>502</html>', { status: 502, statusText: 'Bad Gateway' }))).toEqual({ code: 'internal', status: 502, title: 'Unexpected answer 502 Bad Gateway' });
  });
  test('of the network says so', async () => {
    answer(new TypeError('Failed to fetch'));
    expect(await failure(api.sensors())).toMatchObject({ code: 'server-unreachable', status: 0 });
  });
  test('is an APIError', async () => {
    answer(problem(403, 'forbidden'));
    await expect(api.enrol()).rejects.toBeInstanceOf(APIError);
  });
});

describe('a session that ended', () => {
  test('is reported to the app', async () => {
    const told = vi.fn();
    whenUnauthorized(told);
    answer(problem(401, 'unauthorized'));
    await failure(api.calls(apiQuery(EVERYTHING, 0, 10)));
    expect(told).toHaveBeenCalledOnce();
  });
  test('is not what a wrong password means', async () => {
    const told = vi.fn();
    whenUnauthorized(told);
    answer(problem(401, 'unauthorized'));
    await failure(api.login('a', 'b'));
    expect(told).not.toHaveBeenCalled();
  });
});

describe('a zip of captures', () => {
  const size = (calls: number, bytes: number) => new Response(null, { headers: { 'X-Total-Calls': String(calls), 'X-Total-Bytes': String(bytes) } });
  test('is counted with one HEAD', async () => {
    const asked = answer(size(7, 9000));
    expect(await api.archive(new URLSearchParams({ q: '42' }))).toEqual({ calls: 7, bytes: 9000, limit: 0 });
    expect(asked).toEqual(['HEAD /api/v1/captures?q=42']);
  });
  test('of more calls than one may hold is one of the newest', async () => {
    const tooMany = new Response(JSON.stringify({ code: 'too-many-calls', status: 422, title: 'too many', fields: { limit: '1000' } }), { status: 422 });
    const asked = answer(new Response(null, { status: 422 }), tooMany, size(1000, 5e6));
    expect(await api.archive(new URLSearchParams({ q: '42' }))).toEqual({ calls: 1000, bytes: 5e6, limit: 1000 });
    expect(asked).toEqual(['HEAD /api/v1/captures?q=42', 'GET /api/v1/captures?q=42', 'HEAD /api/v1/captures?q=42&limit=1000']);
  });
  test('that cannot be had says why', async () => {
    answer(new Response(null, { status: 403 }), problem(403, 'forbidden'));
    expect(await failure(api.archive(new URLSearchParams()))).toMatchObject({ code: 'forbidden' });
  });
});

test('how one listens is in the address', () => {
  expect(api.audioURL('a/b', { side: 'callee', buffer: '50', mute: true })).toBe('/api/v1/calls/a%2Fb/audio?side=callee&buffer=50&dtmf=mute');
  expect(api.audioURL('x', { side: 'both', buffer: 'adaptive', mute: false })).toBe('/api/v1/calls/x/audio?side=both&buffer=adaptive');
});

test('a tenant without sensors has an empty list', async () => {
  answer(new Response('null'));
  expect(await api.sensors()).toEqual([]);
});
