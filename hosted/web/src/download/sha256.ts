// SHA-256 (FIPS 180-4) of bytes that come in pieces: the browser's own takes them all at once, and only on HTTPS pages.

const K = new Uint32Array(64); // the first 32 bits of the fractional parts of the cube roots of the first 64 primes
const START = new Uint32Array(8); // of the square roots of the first 8
for (let n = 2, i = 0; i < 64; n++) {
  let prime = true;
  for (let d = 2; d * d <= n; d++) if (n % d === 0) prime = false;
  if (!prime) continue;
  if (i < 8) START[i] = (n ** (1 / 2) % 1) * 2 ** 32;
  K[i++] = (n ** (1 / 3) % 1) * 2 ** 32;
}

export class SHA256 {
  private state = START.slice();
  private block = new Uint8Array(64);
  private view = new DataView(this.block.buffer);
  private w = new Uint32Array(64);
  private length = 0; // bytes so far

  update(bytes: Uint8Array): this {
    let at = 0;
    const begun = this.length % 64;
    this.length += bytes.length;
    if (begun > 0) {
      at = Math.min(64 - begun, bytes.length);
      this.block.set(bytes.subarray(0, at), begun);
      if (begun + at < 64) return this;
      this.compress(this.view, 0);
    }
    const all = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (; at + 64 <= bytes.length; at += 64) this.compress(all, at);
    this.block.set(bytes.subarray(at));
    return this;
  }

  // hex ends it.
  hex(): string {
    const rest = this.length % 64;
    this.block.fill(0, rest);
    this.block[rest] = 0x80;
    if (rest >= 56) {
      this.compress(this.view, 0);
      this.block.fill(0);
    }
    this.view.setUint32(56, Math.floor(this.length / 2 ** 29));
    this.view.setUint32(60, (this.length * 8) % 2 ** 32);
    this.compress(this.view, 0);
    return Array.from(this.state, (x) => x.toString(16).padStart(8, '0')).join('');
  }

  private compress(bytes: DataView, at: number) {
    const { state, w } = this;
    for (let i = 0; i < 16; i++) w[i] = bytes.getUint32(at + 4 * i);
    for (let i = 16; i < 64; i++) {
      const x = w[i - 15]!, y = w[i - 2]!;
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      w[i] = (w[i - 16]! + s0 + w[i - 7]! + s1) | 0;
    }
    let a = state[0]! | 0, b = state[1]! | 0, c = state[2]! | 0, d = state[3]! | 0;
    let e = state[4]! | 0, f = state[5]! | 0, g = state[6]! | 0, h = state[7]! | 0;
    for (let i = 0; i < 64; i++) {
      const S1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const t1 = (h + S1 + ((e & f) ^ (~e & g)) + K[i]! + w[i]!) | 0;
      const S0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const t2 = (S0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g; g = f; f = e; e = (d + t1) | 0; d = c; c = b; b = a; a = (t1 + t2) | 0;
    }
    state[0]! += a; state[1]! += b; state[2]! += c; state[3]! += d; state[4]! += e; state[5]! += f; state[6]! += g; state[7]! += h;
  }
}
