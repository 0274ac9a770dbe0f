// The files that the engine sees: those that the user gave, which are read in pieces as they are needed, and those that it writes, which
// go into Blobs: the browser keeps them, on disk if they are large. It speaks the part of Node's fs that Go's os package asks for.

const PIECE = 4 << 20; // bytes that are read ahead of one who reads on and on
const PLACE = 64 << 10; // bytes that are read at a place
const HELD = 1 << 20; // bytes written that wait to become a Blob

interface Entry {
  blob: Blob;
  parts: Uint8Array<ArrayBuffer>[]; // written, behind blob
  held: number; // bytes of parts
}

interface Descriptor {
  entry: Entry;
  pos: number;
  ahead: { at: number; bytes: Promise<Uint8Array> } | null;
  at: number; // of bytes
  bytes: Uint8Array;
  into: Uint8Array | null; // what was read into last, by one who reads on and on
}

type Done<T> = (error: Error | null, value?: T) => void;

export class Files {
  // What a file that is opened is to be, as Go writes it.
  readonly constants = { O_WRONLY: 1, O_RDWR: 2, O_CREAT: 64, O_TRUNC: 512, O_APPEND: 1024, O_EXCL: 128, O_DIRECTORY: 65536 };
  said = ''; // what the program wrote to its standard error
  private entries = new Map<string, Entry>();
  private open_ = new Map<number, Descriptor>();
  private next = 3;

  // told hears how far into a file somebody has read who reads it from its start.
  constructor(private told: (path: string, at: number) => void = () => {}) {}

  // give puts a file there.
  give(path: string, blob: Blob) {
    this.entries.set(path, { blob, parts: [], held: 0 });
  }

  // take is what a file holds; null: there is none.
  take(path: string): Blob | null {
    const e = this.entries.get(path);
    return e ? settle(e) : null;
  }

  remove(path: string) {
    this.entries.delete(path);
  }

  open = (path: string, flags: number, _mode: number, done: Done<number>) => {
    let entry = this.entries.get(path);
    if (!entry && !(flags & this.constants.O_CREAT)) return later(done, fault('ENOENT'));
    if (!entry || flags & this.constants.O_TRUNC) {
      entry = { blob: new Blob(), parts: [], held: 0 };
      this.entries.set(path, entry);
    }
    const fd = this.next++;
    this.open_.set(fd, { entry, pos: 0, ahead: null, at: 0, bytes: new Uint8Array(), into: null });
    later(done, null, fd);
  };

  close = (fd: number, done: Done<void>) => later(done, this.open_.delete(fd) ? null : fault('EBADF'));

  read = (fd: number, into: Uint8Array, offset: number, length: number, position: number | null, done: Done<number>) => {
    const d = this.open_.get(fd);
    if (!d) return later(done, fault('EBADF'));
    const at = position ?? d.pos;
    if (position === null) {
      release(d.into); // Go has copied it: it reads one after the other
      d.into = into;
    }
    const take = (bytes: Uint8Array, from: number) => {
      const n = Math.max(0, Math.min(length, bytes.length - from));
      into.set(bytes.subarray(from, from + n), offset);
      if (position === null) d.pos += n;
      return n;
    };
    if (at >= d.at && at < d.at + d.bytes.length) return later(done, null, take(d.bytes, at - d.at));
    this.fill(d, at, position === null ? PIECE : PLACE, (bytes) => done(null, take(bytes, 0))).catch((e: unknown) => done(fault('EIO', e instanceof Error ? e.message : String(e))));
  };

  // fill reads the piece that begins at a place, and begins to read the one behind it. Several may be read at a time; use gets each while
  // it is the one.
  private async fill(d: Descriptor, at: number, size: number, use: (bytes: Uint8Array) => void) {
    const blob = settle(d.entry);
    const piece = async (from: number) => new Uint8Array(await blob.slice(from, from + size).arrayBuffer());
    const bytes = d.ahead?.at === at ? d.ahead.bytes : piece(at);
    d.ahead = null;
    if (size === PIECE && at + size < blob.size) {
      d.ahead = { at: at + size, bytes: piece(at + size) };
      d.ahead.bytes.catch(() => {}); // told when it is its turn
    }
    const before = d.bytes;
    d.bytes = await bytes;
    release(before);
    d.at = at;
    for (const [path, e] of this.entries) if (e === d.entry) this.told(path, Math.min(at, blob.size));
    use(d.bytes);
  }

  write = (fd: number, from: Uint8Array, offset: number, length: number, _position: number | null, done: Done<number>) => {
    const d = this.open_.get(fd);
    if (!d && fd !== 1 && fd !== 2) return later(done, fault('EBADF'));
    if (!d) return later(done, null, this.writeSync(fd, from));
    const { entry } = d;
    entry.parts.push(from.slice(offset, offset + length));
    entry.held += length;
    if (entry.held >= HELD) settle(entry);
    later(done, null, length);
  };

  // writeSync is how the runtime itself speaks, to standard error.
  writeSync = (_fd: number, from: Uint8Array): number => {
    this.said = (this.said + new TextDecoder().decode(from)).slice(-4000);
    return from.length;
  };

  stat = (path: string, done: Done<object>) => {
    const e = this.entries.get(path);
    later(done, e ? null : fault('ENOENT'), e && about(e));
  };
  lstat = this.stat;

  fstat = (fd: number, done: Done<object>) => {
    const d = this.open_.get(fd);
    later(done, d ? null : fault('EBADF'), d && about(d.entry));
  };

  fsync = (_fd: number, done: Done<void>) => later(done, null);

  unlink = (path: string, done: Done<void>) => later(done, this.entries.delete(path) ? null : fault('ENOENT'));
}

// release frees memory at once that nobody looks at any more. The collector comes late for so many large pieces: gigabytes could wait.
function release(bytes: Uint8Array | null) {
  (bytes?.buffer as (ArrayBuffer & { transfer?: (size: number) => ArrayBuffer }) | undefined)?.transfer?.(0);
}

// settle makes one Blob of a file.
function settle(e: Entry): Blob {
  if (e.held > 0) {
    e.blob = new Blob([e.blob, ...e.parts]);
    e.parts = [];
    e.held = 0;
  }
  return e.blob;
}

const about = (e: Entry) => ({
  dev: 0, ino: 0, mode: 0o100600, nlink: 1, uid: 0, gid: 0, rdev: 0, size: e.blob.size + e.held, blksize: 4096, blocks: 0, atimeMs: 0, mtimeMs: 0, ctimeMs: 0,
  isDirectory: () => false,
});

// later calls back when the caller has returned: Go waits for it in a way that a call from within would disturb.
function later<T>(done: Done<T>, error: Error | null, value?: T) {
  queueMicrotask(() => done(error, value));
}

// fault is an error as Node has it; Go knows it by its code.
const fault = (code: string, why = '') => Object.assign(new Error(why || code), { code });
