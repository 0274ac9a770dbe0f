// A stand-in for hosted's API, inside Vite's development server. It is not part of the build.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { NewSearch } from '../api/search';
import type { Account, CDR, Problem, Role, Right, Rules, User } from '../api/types';
import { micros, rfc3339 } from '../time';
import { Alerting } from './alerts';
import { makeCall, makeLive, makeSensors } from './data';
import { makeHealth, makeStats, makeUsage } from './stats';
import { audit, check, FIELDS, TEXT } from './rules';
import { holds, Searches, verdict } from './search';
import { peaks, picture, wav } from './voice';

const CALLS = Number(process.env.MOCK_CALLS ?? 2500);
const SENSORS = Number(process.env.MOCK_SENSORS ?? 3);
const RUNNING = Number(process.env.MOCK_LIVE ?? 14);

const now = () => rfc3339(Date.now() * 1000);

export class Mock {
  private session = false;
  private revoked = new Set<string>();
  private calls: CDR[] = Array.from({ length: CALLS }, (_, i) => makeCall(i + 1, Date.now() * 1000 - i * 97e6 - 30e6));

  serve(req: IncomingMessage, res: ServerResponse) {
    const url = new URL(req.url ?? '/', 'http://mock');
    const path = url.pathname.replace(/\/$/, '');
    const is = (method: string, pattern: RegExp) => (req.method === method ? pattern.exec(path) : null);
    let m: RegExpExecArray | null;

    if (is('POST', /^\/session$/)) return this.login(req, res);
    if (is('DELETE', /^\/session$/)) return void ((this.session = false), end(res, 204));
    if (is('GET', /^\/oidc$/)) return json(res, { enabled: true, name: 'Example ID', available: true, logout: '', providers: [{ id: '', name: 'Example ID', available: true, login: '/api/v1/oidc/login', logout: '' }] });
    if (!this.session) return problem(res, { code: 'unauthorized', status: 401, title: 'Log in first' });
    if (is('GET', /^\/session$/)) return json(res, { user: USER });
    if (is('PUT', /^\/session\/password$/) ?? is('DELETE', /^\/sessions(\/.+)?$/)) return end(res, 204);
    if (is('GET', /^\/session\/links$/)) return json(res, []);
    if (is('GET', /^\/sessions$/)) return json(res, [{ id: '1', current: true, way: 'password', addr: '192.0.2.7', agent: req.headers['user-agent'] ?? '', created: now(), seen: now(), expires: now() }]);
    if (is('GET', /^\/tokens$/)) return json(res, [{ id: '2', label: 'dashboards', rights: ['numbers'], scope: '', created: now(), expires: null, used: now() }]);
    if (is('POST', /^\/tokens$/)) return json(res, { token: 'vtu_mockmockmockmockmock' });
    if (is('GET', /^\/version$/)) return json(res, { version: '0.2.0-dev' });
    if (is('GET', /^\/calls$/)) return this.list(url.searchParams, res);
    if (is('GET', /^\/calls\/count$/)) return json(res, { calls: this.calls.filter((c) => holds(url.searchParams.get('where') ?? '', c)).length, complete: true });
    if (is('GET', /^\/searches\/check$/)) return json(res, verdict(url.searchParams.get('where') ?? ''));
    if (is('GET', /^\/searches\/fields$/)) return json(res, { fields: FIELDS, groups: ['vip'], zone: 'Europe/Prague' });
    if (is('GET', /^\/searches$/)) return json(res, this.searches.list);
    if (is('POST', /^\/searches$/)) return body<NewSearch>(req, (s) => json(res, this.searches.save(s)));
    if ((m = is('PUT', /^\/searches\/(\d+)$/))) return body<NewSearch>(req, (s) => json(res, this.searches.save(s, m![1])));
    if ((m = is('DELETE', /^\/searches\/(\d+)$/))) return void ((this.searches.list = this.searches.list.filter((s) => s.id !== m![1])), end(res, 204));
    if ((m = is('GET', /^\/calls\/([^/]+)$/))) {
      const c = this.find(m[1]!);
      return c ? json(res, c) : problem(res, { code: 'not-found', status: 404, title: 'No such call' });
    }
    if ((m = is('GET', /^\/calls\/([^/]+)\/capture$/) ?? is('HEAD', /^\/calls\/([^/]+)\/capture$/))) return this.capture(m[1]!, res);
    if (is('GET', /^\/live$/)) return this.live(req, res);
    if (is('GET', /^\/sensors$/)) return json(res, makeSensors(Date.now() * 1000).slice(0, SENSORS).map((s) => (this.revoked.has(s.uuid) ? { ...s, revoked: true, online: false } : s)));
    if (is('GET', /^\/stats$/)) return json(res, makeStats(url.searchParams));
    if (is('GET', /^\/usage$/)) return json(res, makeUsage());
    if ((m = is('GET', /^\/sensors\/([^/]+)$/))) {
      const s = makeSensors(Date.now() * 1000).find((x) => x.uuid === m![1]);
      return s ? json(res, s) : problem(res, { code: 'not-found', status: 404, title: 'No such sensor' });
    }
    if (is('GET', /^\/sensors\/[^/]+\/health$/)) return json(res, makeHealth(url.searchParams));
    if ((m = is('DELETE', /^\/sensors\/([^/]+)$/))) return void (this.revoked.add(m[1]!), end(res, 204));
    if (is('POST', /^\/sensors\/tokens$/)) return json(res, { token: 'vt1.q7m4kz2d5yfaxw3o6jh2n5ctbe.Zk0rX9c1pYVQ3d0a8Wn4m2Ls7uTgRk5B', expires: rfc3339((Date.now() + 3_600_000) * 1000), server: 'hosted.example.net:60023' });
    if ((m = is('GET', /^\/calls\/([^/]+)\/audio(\/peaks|\/spectrogram|)$/))) return this.audio(m[1]!, m[2]!, url.searchParams, req, res);
    if (is('HEAD', /^\/captures$/)) return void (res.writeHead(200, { 'X-Total-Calls': 38, 'X-Total-Bytes': 16_400_000 }), res.end());
    if (is('GET', /^\/captures$/)) return this.zip(res);
    if (is('GET', /^\/rules$/)) return json(res, this.rules);
    if (is('PUT', /^\/rules$/)) return body<Rules>(req, (r) => this.saveRules(r, res));
    if (is('POST', /^\/rules\/check$/)) return body<Rules>(req, (r) => json(res, check(r.text)));
    if (is('GET', /^\/rules\/history$/)) return json(res, Array.from({ length: this.rules.revision }, (_, i) => ({ revision: this.rules.revision - i, author: i % 3 ? 'jana' : 'admin', changed: rfc3339(Date.now() * 1000 - i * 86_000e6) })));
    if ((m = is('GET', /^\/rules\/history\/(\d+)$/))) return json(res, { ...this.rules, revision: Number(m[1]), text: this.rules.text.replace('mos<3.5', `mos<${(3 + Number(m[1]) / 20).toFixed(2)}`) });
    if (is('GET', /^\/rules\/fields$/)) return json(res, FIELDS);
    if ((m = is('GET', /^\/sensors\/([^/]+)\/api\/rules$/))) return json(res, { revision: 3, text: '# written by the branch\nlobby: keep rtp when caller:1009\n', hosted: { revision: this.rules.revision, text: this.rules.text } });
    if (is('GET', /^\/users$/)) return json(res, this.users);
    if (is('POST', /^\/users$/)) return body<Account>(req, (u) => (this.users.push({ ...u, created: rfc3339(Date.now() * 1000) }), json(res, u.password ? { ...u, password: undefined } : { ...u, password: 'q7m4-kz2d-5yfa' })));
    if ((m = is('PUT', /^\/users\/([^/]+)$/))) return body<{ role?: Role; rights?: Right[] }>(req, (c) => json(res, Object.assign(this.users.find((u) => u.name === m![1])!, c)));
    if ((m = is('DELETE', /^\/users\/([^/]+)$/))) return void ((this.users = this.users.filter((u) => u.name !== m![1])), end(res, 204));
    if (path.startsWith('/alerts') || path === '/silences') return this.alerting.serve(req, res, path);
    if (is('GET', /^\/audit$/)) return json(res, page(audit(Date.now() * 1000), url.searchParams));
    problem(res, { code: 'not-found', status: 404, title: `No ${req.method} ${path}` });
  }

  private searches = new Searches();
  private alerting = new Alerting();
  private rules: Rules = { revision: 12, text: TEXT, author: 'jana', changed: rfc3339(Date.now() * 1000 - 7200e6) };
  private users: Account[] = [
    { name: 'admin', role: 'admin', rights: ['listen', 'download', 'rules'], created: '2026-06-01T08:00:00.000000Z' }, { name: 'jana', role: 'user', rights: ['listen', 'download'], created: '2026-09-14T10:12:01.000000Z' },
    { name: 'support-second-level', role: 'user', rights: ['download'], created: '2026-10-02T07:30:12.000000Z' }, { name: 'wallboard', role: 'viewer', rights: [], created: '2026-11-20T16:44:00.000000Z' },
  ];

  // A text with the word "conflict" meets somebody who saved meanwhile.
  private saveRules(r: Rules, res: ServerResponse) {
    if (/conflict/.test(r.text) && r.revision === this.rules.revision) {
      this.rules = { revision: this.rules.revision + 1, text: this.rules.text.replace('mos<3.5', 'mos<3.8') + 'spare: keep none\n', author: 'jana', changed: rfc3339(Date.now() * 1000) };
    }
    if (r.revision !== this.rules.revision) return problem(res, { code: 'rules-changed', status: 412, title: 'The rules were changed meanwhile' });
    this.rules = { revision: r.revision + 1, text: r.text, author: 'admin', changed: rfc3339(Date.now() * 1000) };
    json(res, this.rules);
  }

  private audio(id: string, part: string, p: URLSearchParams, req: IncomingMessage, res: ServerResponse) {
    const c = this.find(id);
    if (!c?.streams.length) return problem(res, { code: 'voice-not-kept', status: 404, title: 'There is no voice of this call' });
    if (c.sensor_id === 3) return problem(res, { code: 'sensor-offline', status: 503, title: 'Sensor 3 (pbx-brno) is offline since 2 h', remedy: 'The voice is on its disk. Try again when it is back.' });
    if (part === '/peaks') return json(res, peaks(c, Number(p.get('points')), p.get('buffer') ?? ''));
    if (part === '/spectrogram') return void (res.setHeader('Content-Type', 'image/png'), res.end(picture(c, Number(p.get('width')), Number(p.get('height')))));
    const data = wav(c, p.get('side') ?? 'both');
    const from = Number(/bytes=(\d+)/.exec(req.headers.range ?? '')?.[1] ?? 0);
    res.writeHead(req.headers.range ? 206 : 200, { 'Content-Type': 'audio/wav', 'Accept-Ranges': 'bytes', 'Content-Length': data.length - from, ...(req.headers.range ? { 'Content-Range': `bytes ${from}-${data.length - 1}/${data.length}` } : {}) });
    res.end(data.subarray(from));
  }

  private zip(res: ServerResponse) {
    res.writeHead(200, { 'Content-Type': 'application/zip', 'Content-Disposition': 'attachment; filename="captures.zip"' });
    let n = 0;
    const timer = setInterval(() => {
      res.write(Buffer.alloc(400_000));
      if (++n > 40) {
        clearInterval(timer);
        res.end();
      }
    }, 100);
    res.on('close', () => clearInterval(timer));
  }

  private login(req: IncomingMessage, res: ServerResponse) {
    body<{ name: string; password: string }>(req, ({ name, password }) => {
      this.session = name === 'admin' && password === 'admin';
      if (this.session) json(res, { user: USER });
      else problem(res, { code: 'unauthorized', status: 401, title: 'The name or the password is wrong' });
    });
  }

  private list(p: URLSearchParams, res: ServerResponse) {
    const from = micros(p.get('from')) ?? 0;
    const to = micros(p.get('to')) ?? Infinity;
    const hit = this.calls.filter((c) => {
      const start = micros(c.start)!;
      return (
        start >= from && start < to && holds(p.get('where') ?? '', c) &&
        (!p.get('kept') || c.capture.kept !== 'none') && (!p.get('group') || c.group_id === p.get('group'))
      );
    });
    const begin = p.get('after') ? hit.findIndex((c) => c.id === p.get('after')) + 1 : 0;
    const page = hit.slice(begin, begin + Number(p.get('limit') ?? 100));
    json(res, { calls: page.map((c) => ({ ...c, streams: [], messages: [] })), next: begin + page.length < hit.length ? page.at(-1)!.id : '' });
  }

  private find(id: string): CDR | undefined {
    const c = this.calls.find((x) => x.id === id);
    if (c || !this.running.some((l) => l.id === id)) return c;
    const l = this.running.find((x) => x.id === id)!;
    const full = makeCall(7, micros(l.start)!);
    return { ...full, ...l, end: null, end_cause: '', end_by: '', codecs: [l.codec], capture: full.capture, messages: full.messages.filter((m) => !/BYE/.test(m.cseq)), findings: [] };
  }

  private capture(id: string, res: ServerResponse) {
    const c = this.find(id);
    if (!c || c.capture.kept === 'none') return problem(res, { code: 'capture-not-kept', status: 404, title: 'No rule kept the packets of this call' });
    if (c.sensor_id === 3) return problem(res, { code: 'sensor-offline', status: 503, title: 'Sensor 3 (pbx-brno) is offline since 2 h', remedy: 'The packets are on its disk. Try again when it is back.' });
    const data = Buffer.alloc(c.capture.bytes);
    Buffer.from('0a0d0d0a1c0000004d3c2b1a01000000ffffffffffffffff1c000000', 'hex').copy(data); // a section header, then nothing
    res.writeHead(200, { 'Content-Type': 'application/vnd.tcpdump.pcap', 'Content-Length': data.length, 'Content-Disposition': `attachment; filename="${c.caller}_${c.callee}.pcapng"` });
    res.end(data);
  }

  private running = Array.from({ length: RUNNING }, (_, i) => makeLive(90_000 + i, Date.now() * 1000)).filter(() => SENSORS > 0);

  private live(req: IncomingMessage, res: ServerResponse) {
    res.writeHead(200, { 'Content-Type': 'application/x-ndjson' });
    const now = () => rfc3339(Date.now() * 1000);
    res.write(JSON.stringify({ t: now(), snapshot: true, calls: this.running, counters: {} }) + '\n');
    let n = 91_000;
    const timer = setInterval(() => {
      const calls = this.running.slice(0, 4).map((c) => ({ ...c, packets: (c.packets += 50), jitter_ms: c.jitter_ms && c.jitter_ms + Math.random() - 0.5 }));
      const gone: string[] = [];
      if (Math.random() < 0.15 && this.running.length) {
        const last = this.running.pop()!;
        gone.push(last.id);
        this.calls.unshift({ ...makeCall(n, micros(last.start)!), id: last.id });
        const fresh = { ...makeLive(n++, Date.now() * 1000), start: now() };
        this.running.unshift(fresh);
        calls.push(fresh);
      }
      res.write(JSON.stringify({ t: now(), calls, gone, counters: {} }) + '\n');
    }, 500);
    req.on('close', () => clearInterval(timer));
  }
}

const USER: User = { name: 'admin', role: 'admin', tenant: 'Example Ltd', rights: ['listen', 'download', 'rules', 'numbers', 'export'] };

function body<T>(req: IncomingMessage, f: (v: T) => void) {
  let text = '';
  req.on('data', (d: Buffer) => (text += d.toString()));
  req.on('end', () => f(JSON.parse(text) as T));
}

function page<T extends { id: string; action: string; user: string }>(all: T[], p: URLSearchParams): T[] {
  const hit = all.filter((e) => (!p.get('action') || e.action === p.get('action')) && (!p.get('user') || e.user === p.get('user')));
  const begin = p.get('after') ? hit.findIndex((e) => e.id === p.get('after')) + 1 : 0;
  return hit.slice(begin, begin + Number(p.get('limit') ?? 100));
}

function json(res: ServerResponse, v: unknown) {
  res.setHeader('Content-Type', 'application/json');
  res.end(JSON.stringify(v));
}

function problem(res: ServerResponse, p: Problem) {
  res.statusCode = p.status;
  res.setHeader('Content-Type', 'application/problem+json');
  res.end(JSON.stringify(p));
}

function end(res: ServerResponse, status: number) {
  res.statusCode = status;
  res.end();
}
