import { describe, expect, test } from 'vitest';
import { Files } from './files';

const text = (s: string) => new TextEncoder().encode(s);
const call = <T>(f: (done: (e: (Error & { code?: string }) | null, v?: T) => void) => void) => new Promise<T>((yes, no) => f((e, v) => (e ? no(e) : yes(v as T))));

async function read(f: Files, fd: number, n: number, position: number | null = null) {
  const into = new Uint8Array(n);
  const got = await call<number>((done) => f.read(fd, into, 0, n, position, done));
  return new TextDecoder().decode(into.subarray(0, got));
}

describe('a file that was given', () => {
  test('is read on from where the last read ended, and at places', async () => {
    const f = new Files();
    f.give('/capture/a', new Blob(['0123456789']));
    const fd = await call<number>((done) => f.open('/capture/a', 0, 0, done));
    expect([await read(f, fd, 4), await read(f, fd, 3, 1), await read(f, fd, 4), await read(f, fd, 9), await read(f, fd, 9)]).toEqual(['0123', '123', '4567', '89', '']);
    expect(await call((done) => f.fstat(fd, done))).toMatchObject({ size: 10 });
  });
  test('is read in pieces, whole, and says how far it is', async () => {
    const at: number[] = [];
    const f = new Files((_path, n) => at.push(n));
    const size = 9 << 20;
    const all = new Uint8Array(size).map((_, i) => (i * 7) >> 8);
    f.give('/a', new Blob([all]));
    const fd = await call<number>((done) => f.open('/a', 0, 0, done));
    const into = new Uint8Array(size);
    let n = 0;
    for (let got = -1; got !== 0; n += got) {
      const part = new Uint8Array(1 << 18); // a new one each time, as Go does
      got = await call<number>((done) => f.read(fd, part, 0, part.length, null, done));
      into.set(part.subarray(0, got), n);
    }
    expect(n).toBe(size);
    expect(Buffer.compare(into, all)).toBe(0);
    expect(at).toEqual([0, 4 << 20, 8 << 20, size]);
  });
  test('is read at several places at a time', async () => {
    const f = new Files();
    f.give('/a', new Blob([Uint8Array.from({ length: 1 << 20 }, (_, i) => i >> 12)]));
    const fd = await call<number>((done) => f.open('/a', 0, 0, done));
    const at = [0, 200, 100, 255, 3];
    expect(await Promise.all(at.map((n) => read(f, fd, 1, n << 12)))).toEqual(at.map((n) => new TextDecoder().decode(Uint8Array.of(n))));
  });
  test('that has gone since is an error', async () => {
    const f = new Files();
    const gone = { size: 5, slice: () => ({ arrayBuffer: () => Promise.reject(new Error('A requested file could not be found')) }) };
    f.give('/a', gone as unknown as Blob);
    const fd = await call<number>((done) => f.open('/a', 0, 0, done));
    await expect(read(f, fd, 5)).rejects.toMatchObject({ code: 'EIO', message: 'A requested file could not be found' });
  });
});

describe('a file that is written', () => {
  test('is read again while more is written, and taken', async () => {
    const f = new Files();
    const fd = await call<number>((done) => f.open('/out', f.constants.O_RDWR | f.constants.O_CREAT | f.constants.O_TRUNC, 0o600, done));
    const bytes = text('xxhello xx');
    await call<number>((done) => f.write(fd, bytes, 2, 6, null, done));
    bytes.fill(0); // the writer's own again
    expect(await read(f, fd, 3, 2)).toBe('llo');
    await call<number>((done) => f.write(fd, text('world'), 0, 5, null, done));
    expect(await read(f, fd, 20, 6)).toBe('world');
    expect(await f.take('/out')!.text()).toBe('hello world');
    await call((done) => f.unlink('/out', done));
    expect(f.take('/out')).toBeNull();
  });
  test('of megabytes holds what was written', async () => {
    const f = new Files();
    const fd = await call<number>((done) => f.open('/out', f.constants.O_CREAT, 0o600, done));
    for (let i = 0; i < 40; i++) await call<number>((done) => f.write(fd, new Uint8Array(100_000).fill(i), 0, 100_000, null, done));
    const got = new Uint8Array(await f.take('/out')!.arrayBuffer());
    expect(got.length).toBe(4_000_000);
    expect(got.every((b, i) => b === Math.floor(i / 100_000))).toBe(true);
  });
});

test.each([
  ['open', (f: Files) => call((done) => f.open('/none', 0, 0, done)), 'ENOENT'],
  ['stat', (f: Files) => call((done) => f.stat('/none', done)), 'ENOENT'],
  ['unlink', (f: Files) => call((done) => f.unlink('/none', done)), 'ENOENT'],
  ['close', (f: Files) => call((done) => f.close(9, done)), 'EBADF'],
  ['read', (f: Files) => call((done) => f.read(9, new Uint8Array(1), 0, 1, null, done)), 'EBADF'],
  ['write', (f: Files) => call((done) => f.write(9, new Uint8Array(1), 0, 1, null, done)), 'EBADF'],
] as const)('%s of what is not there says so', (_, run, code) => expect(run(new Files())).rejects.toMatchObject({ code }));

test('what the program complains of is kept, the end of it', () => {
  const f = new Files();
  for (let i = 0; i < 1000; i++) f.writeSync(2, text(`line ${i}\n`));
  expect(f.said.length).toBeLessThanOrEqual(4000);
  expect(f.said.endsWith('line 999\n')).toBe(true);
});
