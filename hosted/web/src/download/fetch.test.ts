import { afterEach, describe, expect, test, vi } from 'vitest';
import { asProblem } from '../api/client';
import { Fetcher, fileName, type Progress } from './fetch';

afterEach(() => vi.unstubAllGlobals());

// serve answers requests in turn and returns the Range and If-Range of each.
function serve(...answers: (() => Response)[]) {
  const asked: string[] = [];
  vi.stubGlobal('fetch', async (_: string, init: RequestInit) => {
    const h = new Headers(init.headers);
    asked.push([h.get('Range'), h.get('If-Range')].filter(Boolean).join(' '));
    return answers.shift()!();
  });
  return asked;
}

// torn is a body that ends with an error behind its text.
const torn = (text: string) =>
  new ReadableStream({
    pull(c) {
      if (text) c.enqueue(new TextEncoder().encode(text));
      else c.error(new TypeError('network error'));
      text = '';
    },
  });

const run = (f: Fetcher, seen: Progress[] = []) => f.run((p) => seen.push(p), new AbortController().signal);

describe('a download', () => {
  test('tells how far it is, and has the name that the server gave', async () => {
    serve(() => new Response('12345', { headers: { 'Content-Length': '5', 'Content-Disposition': 'attachment; filename="a.pcapng"' } }));
    const seen: Progress[] = [];
    const file = await run(new Fetcher('/x', 'b'), seen);
    expect([file.name, await file.blob!.text()]).toEqual(['a.pcapng', '12345']);
    expect(seen.at(0)).toEqual({ got: 0, total: 5, by: 'relay' });
    expect(seen.at(-1)).toEqual({ got: 5, total: 5, by: 'relay' });
  });
  test('that broke off goes on where it stopped', async () => {
    const asked = serve(
      () => new Response(torn('123'), { headers: { 'Content-Length': '5', ETag: '"t"' } }),
      () => new Response('45', { status: 206, headers: { 'Content-Length': '2', ETag: '"t"' } }),
    );
    const f = new Fetcher('/x', 'b');
    expect(asProblem(await run(f).catch((e: unknown) => e))).toMatchObject({ code: 'broken-off', remedy: expect.stringContaining('goes on') });
    expect(await (await run(f)).blob!.text()).toBe('12345');
    expect(asked).toEqual(['', 'bytes=3- "t"']);
  });
  test('begins anew where the file has changed meanwhile', async () => {
    serve(
      () => new Response(torn('123'), { headers: { ETag: '"t"' } }),
      () => new Response('abcde', { headers: { ETag: '"u"' } }),
    );
    const f = new Fetcher('/x', 'b');
    await run(f).catch(() => {});
    expect(await (await run(f)).blob!.text()).toBe('abcde');
  });
  test('begins anew where the server cannot go on', async () => {
    const asked = serve(() => new Response(torn('123')), () => new Response('abcde'));
    const f = new Fetcher('/x', 'b');
    expect(asProblem(await run(f).catch((e: unknown) => e)).remedy).toBe('Try again.');
    expect(await (await run(f)).blob!.text()).toBe('abcde');
    expect(asked).toEqual(['', '']);
  });
  test('that ends too early is not taken for whole', async () => {
    serve(() => new Response('123', { headers: { 'Content-Length': '5' } }));
    expect(asProblem(await run(new Fetcher('/x', 'b')).catch((e: unknown) => e)).code).toBe('broken-off');
  });
  test('that is refused says why', async () => {
    serve(() => new Response(JSON.stringify({ code: 'capture-expired', title: 'Gone', status: 410 }), { status: 410 }));
    expect(asProblem(await run(new Fetcher('/x', 'b')).catch((e: unknown) => e)).code).toBe('capture-expired');
  });
});

test.each([
  ['attachment; filename="a b.zip"', 'a b.zip'], ['attachment; filename=captures.zip', 'captures.zip'], ['attachment; filename="../../etc/x"', 'x'],
  ["attachment; filename=\"a\"; filename*=UTF-8''%C5%BE.zip", 'ž.zip'], ["attachment; filename=\"a\"; filename*=UTF-8''%E0%A4", 'a'], [null, ''],
])('the name in %s is %s', (header, want) => expect(fileName(header)).toBe(want));
