// A file straight from a sensor, over a WebRTC data channel: encrypted between the two, past hosted, which passes on only what they need to
// find each other. docs/protocol.md has what is said on the channel. Loaded when somebody downloads.

import { aborted, asProblem, request } from '../api/client';
import { lines } from '../api/ndjson';
import { SHA256 } from './sha256';

const PROTOCOL = 'voiptop-file/1';
const GATHER_MS = 1000; // for this browser's addresses
const CONNECT_MS = 7000; // from the sensor's answer until the channel is open; the sensor gives up after 5000, and says so
const IDLE_MS = 15_000; // nothing comes
const SAY_EVERY = 256 * 1024; // bytes put away, until the sensor is told: it sends 4 MiB ahead
const LAST_MS = 3000; // for hosted to say that the sensor has heard the last word

// Head is what the sensor says of the file before its bytes.
export interface Head {
  name?: string;
  type: string;
  tag?: string;
  from: number; // its first byte that comes
  size: number; // of the whole file; -1: not known
}

// Receiver puts away what comes. Each call ends before the next.
export interface Receiver {
  head(h: Head): Promise<void>;
  bytes(b: Uint8Array<ArrayBuffer>): Promise<void>;
}

// NotDirect is why it did not go that way, in words that end a sentence. damaged: what came cannot be gone on with.
export class NotDirect extends Error {
  constructor(readonly why: string, readonly unreachable = false, readonly damaged = false) {
    super(why);
  }
}

const WORDS: Record<string, string> = {
  'not-connected': 'no direct way to the sensor was found',
  broken: 'the direct way broke off',
  stalled: 'the direct way stood still',
  damaged: 'what came directly was damaged',
  unreadable: 'the sensor could not read it',
  'switched-off': 'direct downloads are not switched on',
  'several-sensors': 'its legs are on several sensors',
  busy: 'the sensor is busy with other direct downloads',
};

const say = (code: string) => WORDS[code] ?? 'the direct way failed';

interface Event {
  state: 'answer' | 'connected' | 'running' | 'complete' | 'failed';
  sdp?: string;
  code?: string;
}

interface How {
  possible: boolean;
  stun: string[];
}

let how: Promise<How> | null = null; // of this page's life

// transfer has the sensor send what path (below /api/v1) is, from a byte on, and ends when all of it is put away and right.
export async function transfer(path: string, from: number, tag: string, to: Receiver, signal: AbortSignal): Promise<void> {
  how ??= request('GET', '/direct', {}).then((r) => r.json() as Promise<How>);
  const settings = await how.catch(() => {
    how = null;
    return { possible: false, stun: [] };
  });
  signal.throwIfAborted();
  if (!settings.possible) throw new NotDirect(say('switched-off'));
  await new Transfer(settings.stun, to, signal).run(path, from, tag);
}

class Transfer {
  private pc: RTCPeerConnection;
  private channel: RTCDataChannel;
  private control = new AbortController(); // of the request that the transfer lives in
  private queue: (string | ArrayBuffer)[] = [];
  private wake = () => {};
  private failure: Error | null = null;
  private last = () => {}; // the sensor has heard the last word

  constructor(stun: string[], private to: Receiver, private signal: AbortSignal) {
    this.pc = new RTCPeerConnection({ iceServers: stun.map((s) => ({ urls: `stun:${s}` })) });
    this.channel = this.pc.createDataChannel('file', { ordered: true, protocol: PROTOCOL });
    this.channel.binaryType = 'arraybuffer';
    this.channel.onmessage = (e: MessageEvent<string | ArrayBuffer>) => {
      this.queue.push(e.data);
      this.wake();
    };
    this.channel.onclose = () => this.fail(new NotDirect(say('broken')));
    this.pc.onconnectionstatechange = () => {
      if (this.pc.connectionState === 'failed') this.fail(this.lost());
    };
  }

  // lost is that there is no way, or no more.
  private lost = () => (this.channel.readyState === 'connecting' ? new NotDirect(say('not-connected'), true) : new NotDirect(say('broken')));

  private fail(why: Error) {
    this.failure ??= why;
    this.wake();
  }

  async run(path: string, from: number, tag: string) {
    const cancel = () => {
      this.fail(this.signal.reason as Error);
      this.control.abort();
    };
    this.signal.addEventListener('abort', cancel);
    try {
      const [route, query] = path.split('?');
      const body = JSON.stringify({ sdp: await this.offer(), from, if_tag: tag });
      this.signal.throwIfAborted();
      const init = { body, headers: { 'Content-Type': 'application/json' }, signal: this.control.signal };
      const res = await request('POST', `${route}/direct${query ? `?${query}` : ''}`, init).catch((e: unknown) => {
        this.signal.throwIfAborted();
        const p = asProblem(e);
        throw new NotDirect(say(p.code), p.code === 'switched-off');
      });
      void this.follow(res);
      await this.receive();
    } finally {
      this.signal.removeEventListener('abort', cancel);
      this.channel.onclose = null;
      this.pc.close();
      this.control.abort();
    }
  }

  // offer waits for this browser's addresses, but not long: one message goes each way.
  private async offer(): Promise<string> {
    await this.pc.setLocalDescription();
    await new Promise<void>((done) => {
      setTimeout(done, GATHER_MS);
      const look = () => this.pc.iceGatheringState === 'complete' && done();
      this.pc.onicegatheringstatechange = look;
      look();
    });
    return this.pc.localDescription!.sdp;
  }

  // follow reads what the sensor says by way of hosted.
  private async follow(res: Response) {
    try {
      for await (const line of lines(res.body!)) {
        const e = JSON.parse(line) as Event;
        if (e.state === 'answer') await this.pc.setRemoteDescription({ type: 'answer', sdp: e.sdp ?? '' });
        if (e.state === 'failed') this.fail(new NotDirect(say(e.code ?? ''), e.code === 'not-connected', e.code === 'damaged'));
        if (e.state === 'failed' || e.state === 'complete') this.last();
      }
      this.last();
      this.fail(new NotDirect(say('broken')));
    } catch (e) {
      if (!aborted(e)) this.fail(new NotDirect(say('broken')));
    }
  }

  // next waits for a message. What has come is taken before a failure.
  private async next(ms = IDLE_MS, why: () => Error = () => new NotDirect(say('stalled'))): Promise<string | ArrayBuffer> {
    const timer = setTimeout(() => this.fail(why()), ms);
    try {
      while (this.queue.length === 0) {
        if (this.failure) throw this.failure;
        await new Promise<void>((wake) => {
          this.wake = wake;
        });
      }
    } finally {
      clearTimeout(timer);
    }
    this.signal.throwIfAborted();
    return this.queue.shift()!;
  }

  private async receive() {
    await this.to.head(JSON.parse(String(await this.next(CONNECT_MS, this.lost))) as Head);
    const sum = new SHA256();
    let got = 0;
    let told = 0;
    for (;;) {
      const m = await this.next();
      if (typeof m === 'string') {
        if (got > told) this.channel.send(`got ${got}`);
        const tail = JSON.parse(m) as { bytes: number; sha256?: string; error?: string };
        if (tail.error) throw new NotDirect(say('unreadable'));
        const right = tail.bytes === got && tail.sha256 === sum.hex();
        const heard = new Promise<void>((done) => {
          this.last = done;
          setTimeout(done, LAST_MS);
        });
        this.channel.send(right ? 'ok' : 'bad');
        await heard;
        if (!right) throw new NotDirect(say('damaged'), false, true);
        return;
      }
      const bytes = new Uint8Array(m);
      sum.update(bytes);
      await this.to.bytes(bytes);
      got += bytes.length;
      if (got - told >= SAY_EVERY) this.channel.send(`got ${(told = got)}`);
    }
  }
}
