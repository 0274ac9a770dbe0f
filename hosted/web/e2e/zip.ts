// Just enough of the zip format (APPNOTE.TXT 4.3) to open an archive whose files are stored: its directory and their bytes.

export function unzip(b: Buffer): Map<string, Buffer> {
  let end = b.length - 22;
  while (end >= 0 && b.readUInt32LE(end) !== 0x06054b50) end--;
  if (end < 0) throw new Error('no end of the central directory: the archive is cut off');
  const files = new Map<string, Buffer>();
  let at = b.readUInt32LE(end + 16);
  for (let n = b.readUInt16LE(end + 10); n > 0; n--) {
    if (b.readUInt32LE(at) !== 0x02014b50) throw new Error(`no directory entry at ${at}`);
    if (b.readUInt16LE(at + 10) !== 0) throw new Error('compressed');
    const size = b.readUInt32LE(at + 20);
    const [name, extra, comment] = [b.readUInt16LE(at + 28), b.readUInt16LE(at + 30), b.readUInt16LE(at + 32)];
    const local = b.readUInt32LE(at + 42);
    const data = local + 30 + b.readUInt16LE(local + 26) + b.readUInt16LE(local + 28);
    files.set(b.toString('utf8', at + 46, at + 46 + name), b.subarray(data, data + size));
    at += 46 + name + extra + comment;
  }
  return files;
}
