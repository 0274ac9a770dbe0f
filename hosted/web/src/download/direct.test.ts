// Fetcher with a sensor that is reached directly: direct.ts against a peer connection that is played, since Node has none.

import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { aborted } from '../api/client';
import { Fetcher, type Progress } from './fetch';

const file = new Uint8Array(700_000).map((_, i) => (i * 7919) >> 3);
const sha = (b: Uint8Array) => createHash('sha256').update(b).digest('hex');

// Channel is one end of a data channel; what the browser says is in said.
class Channel {
  readyState = 'connecting';
  said: string[] = [];
  onmessage: (e: { data: string | ArrayBuffer }) => void = () => {};
  onclose: (() => void) | null = null;
  heard: (m: string) => void = () => {};
  send(m: string) {
    this.said.push(m);
    this.heard(m);
  }
  text = (v: unknown) => this.onmessage({ data: JSON.stringify(v) });
  bytes = (from: number, to: number) => this.onmessage({ data: file.slice(from, to).buffer });
}

class Peer {
  static last: Peer;
  static script: (c: Channel, events: (e: unknown) => void) => void;
  connectionState = 'new';
  iceGatheringState = 'complete';
  localDescription = { sdp: 'offer' };
  channel = new Channel();
  closed = false;
  onconnectionstatechange = () => {};
  constructor(readonly config: { iceServers: { urls: string }[] }) {
    Peer.last = this;
  }
  createDataChannel = () => this.channel;
  setLocalDescription = async () => {};
  setRemoteDescription = async () => Peer.script(this.channel, (e) => events(e));
  close() {
    this.closed = true;
  }
}

let events: (e: unknown) => void;
let asked: { url: string; body: { from: number; if_tag: string } | null; range: string | null }[];
let relay: Uint8Array | null; // what hosted relays

beforeEach(() => {
  asked = [];
  relay = null;
  vi.stubGlobal('RTCPeerConnection', Peer);
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    if (url.endsWith('/direct') && init.method === 'GET') return Response.json({ possible: true, stun: ['stun.example.com:3478'] });
    const range = new Headers(init.headers).get('Range');
    asked.push({ url, body: init.body ? (JSON.parse(String(init.body)) as { from: number; if_tag: string }) : null, range });
    if (init.method === 'POST') {
      const body = new ReadableStream<Uint8Array>({
        start(c) {
          events = (e) => c.enqueue(new TextEncoder().encode(`${JSON.stringify(e)}\n`));
          events({ state: 'answer', sdp: 'answer' });
          init.signal!.addEventListener('abort', () => c.error(init.signal!.reason));
        },
      });
      return new Response(body);
    }
    const from = Number(/\d+/.exec(range ?? '0')![0]);
    return new Response(relay!.slice(from), { status: range ? 206 : 200, headers: { ETag: '"t"', 'Content-Length': String(relay!.length - from) } });
  });
});
afterEach(() => vi.unstubAllGlobals());

const fetcher = () => new Fetcher('/calls/x/capture?group=1', 'otherwise', { direct: true, why: '', sensor: 's' });
const run = (f: Fetcher, seen: Progress[] = [], signal = new AbortController().signal) => f.run((p) => seen.push(p), signal);
const bytesOf = async (b: Blob | null) => new Uint8Array(await b!.arrayBuffer());
const head = { name: 'a.pcapng', type: 'application/vnd.tcpdump.pcap', tag: 't', from: 0, size: file.length };

// whole plays a sensor that sends all.
function whole(c: Channel, tell: (e: unknown) => void) {
  c.text(head);
  for (let at = 0; at < file.length; at += 32_768) c.bytes(at, at + 32_768);
  c.heard = (m) => m === 'ok' && tell({ state: 'complete' });
  c.text({ bytes: file.length, sha256: sha(file) });
}

describe('straight from a sensor', () => {
  test('a file comes whole, and the sensor is told', async () => {
    Peer.script = whole;
    const seen: Progress[] = [];
    const got = await run(fetcher(), seen);
    expect([got.name, got.size, got.direct, got.why]).toEqual(['a.pcapng', file.length, file.length, '']);
    expect(sha(await bytesOf(got.blob))).toBe(sha(file));
    expect(got.blob!.type).toBe(head.type);
    const said = Peer.last.channel.said;
    expect(said.slice(-2)).toEqual([`got ${file.length}`, 'ok']);
    expect(said.length, 'once each 256 KiB').toBeLessThan(6);
    expect(asked).toEqual([{ url: '/api/v1/calls/x/capture/direct?group=1', body: { sdp: 'offer', from: 0, if_tag: '' }, range: null }]);
    expect(Peer.last.config.iceServers).toEqual([{ urls: 'stun:stun.example.com:3478' }]);
    expect(Peer.last.closed).toBe(true);
    expect([seen[0]!.by, seen.at(-1)!.by]).toEqual(['finding', 'direct']);
  });
  test('what broke off is gone on with through hosted', async () => {
    relay = file;
    Peer.script = (c) => {
      c.text(head);
      c.bytes(0, 300_000);
      c.onclose!();
    };
    const got = await run(fetcher());
    expect(sha(await bytesOf(got.blob))).toBe(sha(file));
    expect([got.direct, got.why]).toEqual([300_000, 'the direct way broke off']);
    expect(asked[1]!.range).toBe('bytes=300000-');
  });
  test('what is damaged is fetched anew, and the sensor hears of it', async () => {
    relay = file;
    Peer.script = (c) => {
      c.heard = (m) => m === 'bad' && events({ state: 'failed', code: 'damaged' });
      c.text(head);
      c.bytes(0, file.length - 1);
      c.text({ bytes: file.length, sha256: sha(file) });
    };
    const got = await run(fetcher());
    expect(sha(await bytesOf(got.blob))).toBe(sha(file));
    expect([got.direct, got.why, asked[1]!.range]).toEqual([0, 'what came directly was damaged', null]);
    expect(Peer.last.channel.said).toContain('bad');
  });
  test('no way leads to hosted', async () => {
    relay = file;
    Peer.script = () => {
      Peer.last.connectionState = 'failed';
      Peer.last.onconnectionstatechange();
    };
    const got = await run(fetcher());
    expect([got.size, got.direct, got.why]).toEqual([file.length, 0, 'no direct way to the sensor was found']);
  });
  test('a sensor that says nothing leads to hosted within seconds', async () => {
    vi.useFakeTimers();
    relay = file;
    Peer.script = () => {};
    const running = run(fetcher());
    await vi.advanceTimersByTimeAsync(8500);
    vi.useRealTimers();
    expect((await running).why).toBe('no direct way to the sensor was found');
  });
  test('who cancels gets nothing, by no way', async () => {
    const control = new AbortController();
    Peer.script = (c) => {
      c.text(head);
      c.bytes(0, 1000);
      control.abort();
    };
    expect(aborted(await run(fetcher(), [], control.signal).catch((e: unknown) => e))).toBe(true);
    expect(asked.length).toBe(1);
    expect(Peer.last.closed).toBe(true);
  });
});
