// A capture from the user's disk in a browser: read there by the engine that sensord runs, and sent nowhere.

import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import axe from 'axe-core';
import type { FileChooser, Page, Request } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CDR } from '../src/api/types';
import { base, enter, keptCalls, start, why, type Visit } from './visit';

const fixture = (scenario: string) => resolve(import.meta.dirname, `../../../fixtures/pcap/${scenario}`);
const shots = process.env.SCREENSHOTS;
const records = (text: string) => text.trim().split('\n').map((l) => JSON.parse(l) as CDR).sort((a, b) => a.start!.localeCompare(b.start!));

describe.skipIf(why !== '')('a capture that is opened in the browser', () => {
  const capture = `${fixture('baresip-transfer')}/in.pcap`;
  const want = records(readFileSync(`${fixture('baresip-transfer')}/want.json`, 'utf8'));
  const sent: Request[] = [];
  let visit: Visit;
  let page: Page;

  beforeAll(async () => {
    visit = await start();
    page = visit.page;
    visit.context.on('request', (r) => sent.push(r));
    await enter(page, '/open');
  });
  afterAll(async () => {
    await visit?.browser.close();
  });

  const open = async (...files: string[]) => {
    await page.locator('[data-files]').setInputFiles(files);
    await page.locator('.report, .notice.bad').first().waitFor();
  };
  const saved = async (action: string) => {
    const [d] = await Promise.all([page.waitForEvent('download'), page.locator(`[data-action=${action}]`).click()]);
    return { name: d.suggestedFilename(), bytes: readFileSync(await d.path()) };
  };
  const shot = (name: string) => shots && page.screenshot({ path: `${shots}/open-${name}.png`, fullPage: true });

  test('is chosen by keyboard', async () => {
    const choosers: FileChooser[] = [];
    page.on('filechooser', (c) => choosers.push(c));
    // A slow machine may not be ready for the first.
    await expect.poll(async () => {
      if (choosers.length === 0) await page.getByRole('button', { name: 'Choose files' }).press('Enter');
      return choosers.length;
    }, { interval: 1000 }).toBeGreaterThan(0);
    page.removeAllListeners('filechooser');
    await choosers[0]!.setFiles(capture);
    await page.locator('.table .row a').first().waitFor();
    expect(await page.locator('.opened-head h1').innerText()).toBe('in.pcap');
    expect(await page.locator('.report').innerText()).toContain(`${want.length} calls`);
    await shot('calls');
  });

  test('has the records that voipmon analyze gives', async () => {
    const { name, bytes } = await saved('json');
    expect(name).toBe('in.ndjson');
    expect(records(bytes.toString())).toEqual(want);
    expect((await saved('csv')).bytes.toString().split('\n')).toHaveLength(want.length + 2);
  });

  test('is searched in the language of rules, by the engine', async () => {
    const rows = page.locator('.table .virtual .row');
    await page.keyboard.press('/');
    await page.keyboard.type(`callee:${want[1]!.callee}`);
    await page.keyboard.press('Enter');
    await page.waitForURL(/where=callee/);
    await expect.poll(() => rows.count()).toBe(want.filter((c) => c.callee === want[1]!.callee).length);
    await page.locator('input[name=where]').fill('calee:1');
    await page.keyboard.press('Enter');
    expect(await page.locator('.wrong-here').innerText()).toContain('callee');
    await page.locator('input[name=where]').fill('');
    await page.keyboard.press('Enter');
    await expect.poll(() => rows.count()).toBe(want.length);
    await page.locator('input[name=where]').blur();
  });

  test('shows a call with its ladder, and each message as it was', async () => {
    await page.locator(`[data-call="${want[0]!.id}"]`).click();
    await page.waitForURL(`${base}/open/calls/${want[0]!.id}`);
    const arrows = page.locator('.ladder [data-kind=message]');
    await arrows.first().waitFor();
    expect(await arrows.count()).toBe(want[0]!.messages.length);
    expect(await page.locator('.ladder [data-kind=stream]').count()).toBe(want[0]!.streams.length);
    await arrows.first().focus();
    await page.keyboard.press('Enter');
    const text = page.locator('.message pre');
    await text.waitFor();
    for (const [i, m] of want[0]!.messages.entries()) {
      if (i > 0) await page.getByRole('button', { name: 'The next message' }).click();
      await expect.poll(() => text.innerText()).toContain(m.first_line);
    }
    await page.getByRole('button', { name: 'Close the message' }).click();
  });

  test('shows the legs of its conversation, their messages in one ladder, and their packets as one file', async () => {
    const group = want.filter((c) => c.group_id === want[0]!.group_id);
    expect(group.length).toBeGreaterThan(1);
    await expect.poll(() => page.locator('.legs tbody tr').count()).toBe(group.length);
    expect(await page.locator('.legs tbody a').count()).toBe(group.length - 1);
    await page.locator('[data-action=all-legs]').click();
    const arrows = page.locator('.ladder [data-kind=message]');
    const all = group.reduce((n, c) => n + c.messages.length, 0);
    await expect.poll(() => arrows.count()).toBe(all);
    const last = group.at(-1)!;
    await arrows.nth(all - 1).focus();
    await page.keyboard.press('Enter');
    await expect.poll(() => page.locator('.message pre').innerText()).toMatch(new RegExp(group.map((c) => c.call_id.replace(/[^\w]/g, '.')).join('|')));
    await page.getByRole('button', { name: 'Close the message' }).click();
    await page.getByRole('button', { name: 'This leg' }).click();
    await expect.poll(() => arrows.count()).toBe(want[0]!.messages.length);
    const { name, bytes } = await saved('group');
    expect(name).toMatch(/_conversation\.pcapng$/);
    expect(bytes.length).toBeGreaterThan((await saved('pcap')).bytes.length);
    await page.locator('.legs').getByRole('link').last().click();
    await page.waitForURL(`${base}/open/calls/${last.id}`);
    await page.goBack();
    await page.waitForURL(`${base}/open/calls/${want[0]!.id}`);
    await expect.poll(() => arrows.count()).toBe(want[0]!.messages.length);
  });

  test('is listened to', async () => {
    await page.locator('body').press('l');
    await page.locator('canvas[data-drawn]').waitFor();
    await page.locator('[data-action=play]').click();
    const audio = <T,>(f: (a: HTMLAudioElement) => T) => page.locator('audio').evaluate(f);
    await expect.poll(() => audio((a) => a.currentTime)).toBeGreaterThan(0.5);
    expect(await audio((a) => [a.error, a.src.slice(0, 5)])).toEqual([null, 'blob:']);
    await page.locator('[data-action=play]').click();
    const wav = await saved('wav');
    expect([wav.name, wav.bytes.subarray(0, 4).toString()]).toEqual([`${want[0]!.caller}_${want[0]!.callee}.wav`, 'RIFF']);
    await shot('call');
  });

  test('gives the packets of one call, which are a capture of that call', async () => {
    const { name, bytes } = await saved('pcap');
    expect(name).toMatch(/\.pcapng$/);
    expect(bytes.length).toBeLessThan(statSync(capture).size);
    await page.locator('.back').click();
    await page.locator('[data-files]').setInputFiles({ name, mimeType: '', buffer: bytes });
    await expect.poll(() => page.locator('.opened-head h1').innerText()).toBe(name);
    await page.locator(`[data-call="${want[0]!.id}"]`).waitFor();
    expect(await page.locator('.table .virtual .row').count()).toBe(1);
  });

  test('is read with others as one, and TLS with the keys that it brings', async () => {
    await open(capture, `${fixture('baresip-tls')}/in.pcapng`);
    await expect.poll(() => page.locator('.report').innerText()).toMatch(new RegExp(`^${want.length + 2} calls`));
  });

  test('that is none says what it is', async () => {
    await page.locator('[data-files]').setInputFiles({ name: 'notes.pcap', mimeType: '', buffer: Buffer.from('these are notes\n') });
    expect(await page.locator('.report .notice').innerText()).toContain(' open capture notes.pcap: not a pcap or pcapng file: found text');
    await page.getByRole('button', { name: 'Close', exact: true }).click();
    await page.getByRole('heading', { name: 'Open a capture' }).waitFor();
  });

  test('may be what a sensor keeps of a call', async () => {
    await page.goto(`${base}/calls`);
    const call = (await keptCalls(page))[0]!;
    await page.goto(`${base}/calls/${call.id}`);
    await page.locator('[data-action=look]').click();
    await page.waitForURL(/\/open\/calls\//);
    const arrow = page.locator('.ladder [data-kind=message]').first();
    await arrow.click();
    await expect.poll(() => page.locator('.message pre').innerText()).toContain(`Call-ID: ${call.call_id}`);
    await page.goBack();
    await page.waitForURL(`${base}/calls/${call.id}`);
  });

  test('was sent nowhere', () => {
    expect(visit.foreign).toEqual([]);
    const bodies = sent.filter((r) => r.postDataBuffer() !== null).map((r) => `${r.method()} ${new URL(r.url()).pathname}`);
    expect(bodies.filter((b) => b !== 'POST /api/v1/session'), 'requests with a body, besides the log-in').toEqual([]);
    const numbers = want.flatMap((c) => [c.call_id, c.id]);
    expect(sent.map((r) => r.url()).filter((u) => !u.startsWith('blob:') && numbers.some((n) => u.includes(n)))).toEqual([]);
  });

  test('cannot leave the worker that reads it: the browser lets it connect to nothing', async () => {
    await page.goto(`${base}/open`);
    await open(capture);
    const tried = await page.workers()[0]!.evaluate(async () => {
      const refused: string[] = [];
      self.addEventListener('securitypolicyviolation', (e) => refused.push(e.effectiveDirective));
      const outcome = async (name: string, f: () => unknown) => {
        try {
          await f();
          return `${name} went out`;
        } catch {
          return `${name} refused`;
        }
      };
      const socket = new WebSocket(location.origin.replace('http', 'ws') + '/api/v1/session');
      const closed = new Promise<string>((done) => {
        socket.onopen = () => done('socket went out');
        socket.onerror = () => done('socket refused');
      });
      const xhr = () => {
        const x = new XMLHttpRequest();
        x.open('POST', '/api/v1/session', false);
        x.send('packets');
      };
      const worker = () => new Promise((yes, no) => {
        const w = new Worker('/assets/other.js');
        w.onerror = no;
        w.onmessage = yes;
      });
      return [await outcome('fetch', () => fetch('/api/v1/session')), await outcome('xhr', xhr), await outcome('import', () => import('/favicon.svg')), await outcome('worker', worker), await closed, refused.filter((d) => d === 'connect-src').length >= 3];
    });
    expect(tried).toEqual(['fetch refused', 'xhr refused', 'import refused', 'worker refused', 'socket refused', true]);
    visit.complaints.length = 0; // the browser's, of these attempts
  });

  test('is open to everybody: axe finds nothing', async () => {
    for (const where of ['calls', 'call'] as const) {
      if (where === 'call') {
        await page.locator('[data-call]').first().click();
        await page.locator('.ladder g[role=button]').first().click();
        await page.locator('.message pre').waitFor();
      }
      for (const theme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme: theme });
        await page.evaluate(axe.source);
        const { violations } = await page.evaluate(() => (globalThis as unknown as { axe: typeof axe }).axe.run({ resultTypes: ['violations'] }));
        expect(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html.slice(0, 120)).join(' | ')}`), `${where}, ${theme}`).toEqual([]);
      }
    }
  });

  test.skipIf(!process.env.OPEN)('of one’s own is measured', async () => {
    await page.goto(`${base}/open`);
    await page.locator('[data-files]').setInputFiles(process.env.OPEN!.split(':'));
    await page.locator('.report').waitFor({ timeout: 600_000 });
    console.log(`${await page.locator('.opened-head').innerText()}\n${await page.locator('.report').innerText()}`);
    const times = { ladder: [] as number[], message: [] as number[] };
    for (let i = 0; i < 12; i++) {
      await page.locator('[data-call]').nth(i).waitFor();
      const [ladder, message] = await page.evaluate(async (nth) => {
        const there = (what: string) => new Promise<Element>((yes) => {
          const look = () => (document.querySelector(what) ? yes(document.querySelector(what)!) : requestAnimationFrame(look));
          look();
        });
        const begin = performance.now();
        (document.querySelectorAll('[data-call]')[nth] as HTMLElement).click();
        const arrow = await there('.ladder [data-kind=message]');
        const drawn = performance.now();
        arrow.dispatchEvent(new MouseEvent('click', { bubbles: true }));
        await there('.message pre');
        return [drawn - begin, performance.now() - drawn];
      }, i);
      times.ladder.push(Math.round(ladder!));
      times.message.push(Math.round(message!));
      await page.locator('.back').click();
    }
    console.log(`ms until the ladder of a call is there: ${times.ladder.join(' ')}; until its first message is, whole: ${times.message.join(' ')}`);
  }, 600_000);

  test('and nothing in the console complains', () => expect(visit.complaints).toEqual([]));
});
