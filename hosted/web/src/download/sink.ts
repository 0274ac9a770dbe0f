// Where a download's bytes go: into memory, or to a file that the user chose, as they come.

export interface Sink {
  write(b: Uint8Array<ArrayBuffer>): Promise<void>;
  restart(): Promise<void>; // forgets what was written
  end(type: string): Promise<Blob | null>; // null: it is in a file
  discard(): Promise<void>;
}

export class Memory implements Sink {
  private parts: Uint8Array<ArrayBuffer>[] = [];

  async write(b: Uint8Array<ArrayBuffer>) {
    this.parts.push(b);
  }
  async restart() {
    this.parts = [];
  }
  async end(type: string) {
    return new Blob(this.parts, { type });
  }
  async discard() {
    this.parts = [];
  }
}

// Disk writes to a file of the File System Access API, which is there under its name when it has ended.
export class Disk implements Sink {
  constructor(private file: FileSystemWritableFileStream) {}

  write(b: Uint8Array<ArrayBuffer>) {
    return this.file.write(b);
  }
  async restart() {
    await this.file.truncate(0);
    await this.file.seek(0);
  }
  async end() {
    await this.file.close();
    return null;
  }
  discard() {
    return this.file.abort().catch(() => {}); // it may have failed by itself
  }
}

type Picker = (options: { suggestedName: string }) => Promise<FileSystemFileHandle>;
const picker = () => (window as { showSaveFilePicker?: Picker }).showSaveFilePicker;

// canChoose: this browser lets a page write to a file that the user chooses (Chromium, on HTTPS pages).
export const canChoose = () => picker() !== undefined;

// choose asks the user for a file. It fails with an AbortError when there is none.
export async function choose(name: string): Promise<Disk> {
  const handle = await picker()!.call(window, { suggestedName: name });
  return new Disk(await handle.createWritable());
}
