// A person with a browser, against a running hosted with an online sensor that kept the packets of at least one call:
//
//	BASE_URL=http://127.0.0.1:8080 NAME=admin PASSWORD=... npm run e2e
//
// DOWNLOAD is the file to save the capture to (default: a temporary one); its path is printed. SCREENSHOTS is a folder
// for pictures of every view. CHROMIUM is the browser.

import { mkdirSync, mkdtempSync, readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CDR } from '../src/api/types';
import { base, get, keptCalls, login, password, start, why, type Visit } from './visit';

// VIEWS are all views, each with its path and what shows that it is there.
const VIEWS: [title: string, path: (c: CDR) => string, ready: string][] = [
  ['calls', () => '/calls', '.virtual a[data-call]'], ['call', (c) => `/calls/${c.id}`, '.ladder [data-kind=message]'], ['nothing', () => '/calls?q=no-such-call', '.empty'],
  ['listen', (c) => `/calls/${c.id}?t=1`, 'canvas[data-drawn]'], ['rules', () => '/rules', 'tr[data-rule], .dry-run p'], ['rule-from-call', (c) => `/rules?call=${c.id}`, '.from-call'],
  ['users', () => '/users', 'tr[data-user]'], ['account', () => '/account', 'tr[data-session]'], ['audit', () => '/audit', 'tr[data-action-name]'], ['sensors', () => '/sensors', 'tr[data-sensor]'], ['dashboard', () => '/dashboard?compare=day', '.tiles a'], ['add', () => '/sensors?add=1', '.steps'], ['open', () => '/open', '.drop'], ['login', () => '/login', 'form'],
];

describe.skipIf(why !== '')('the GUI in a browser', () => {
  let visit: Visit;
  let page: Page;
  let call: CDR; // an ended call with a capture, the largest there is
  let link = ''; // its row in the list

  beforeAll(async () => {
    visit = await start();
    page = visit.page;
  });
  afterAll(async () => {
    await visit?.browser.close();
  });

  test('asks for a login, wherever one enters, and says when it is wrong', async () => {
    await page.goto(`${base}/sensors`);
    await page.waitForURL(/\/login\?next=%2Fsensors$/);
    await login(page, password + 'x');
    await page.getByRole('alert').getByText('The name or the password is wrong').waitFor();
  });

  test('leads to where one wanted to go', async () => {
    await login(page);
    await page.waitForURL(`${base}/sensors`);
    await page.getByRole('heading', { name: 'Sensors' }).waitFor();
    await page.locator('tr[data-sensor]').first().getByText('online').waitFor();
  });

  test('lists calls', async () => {
    await page.getByRole('navigation').getByRole('link', { name: 'Calls' }).click();
    await page.waitForURL(`${base}/calls`);
    await page.locator('.virtual .row:not(.group)').first().waitFor();
    call = await get<CDR>(page, `/api/v1/calls/${(await keptCalls(page))[0]!.id}`);
    link = `.virtual a[data-call="${call.id}"]`;
  });

  test('finds a call by its Call-ID, with the keyboard alone, and opens it', async () => {
    await page.locator('body').press('/');
    await page.keyboard.type(call.call_id);
    await page.keyboard.press('Enter');
    await page.waitForURL((u) => (u.searchParams.get('where') ?? '').includes(call.call_id));
    await page.locator(link).waitFor();
    await page.keyboard.press('Escape');
    const focused = () => page.evaluate(() => document.activeElement?.getAttribute('data-call'));
    for (let i = 0; i < 40 && (await focused()) !== call.id; i++) await page.keyboard.press('j'); // a looped replay has more calls of this Call-ID
    expect(await focused()).toBe(call.id);
    await page.keyboard.press('Enter');
    await page.waitForURL(`${base}/calls/${call.id}`);
    expect(await page.getByRole('heading', { level: 1 }).innerText()).toContain(call.callee || call.caller);
  });

  test('draws the ladder: every message an arrow between its endpoints, every stream a bar', async () => {
    const drawn = (kind: string) =>
      page.locator(`.ladder [data-kind=${kind}]`).evaluateAll((list) => list.map((e) => [e.getAttribute('data-from'), e.getAttribute('data-to')]));
    await page.locator('.ladder [data-kind=message]').first().waitFor();
    const inTime = <T,>(list: T[], t: (x: T) => string | null) => [...list].sort((a, b) => ((t(a) ?? '') < (t(b) ?? '') ? -1 : (t(a) ?? '') > (t(b) ?? '') ? 1 : 0));
    expect(await drawn('message')).toEqual(inTime(call.messages, (m) => m.t).map((m) => [m.src, m.dst]));
    expect(await drawn('stream')).toEqual(inTime(call.streams, (s) => s.first).map((s) => [s.src, s.dst]));
    await page.getByRole('button', { name: 'Table' }).click();
    expect(await page.locator('.signalling tbody tr').count()).toBe(call.messages.length);
    await page.getByRole('button', { name: 'Ladder' }).click();
  });

  test('shows times in UTC or in the local zone, and says which', async () => {
    const shown = () => page.locator('.call-head time').innerText();
    await page.getByRole('button', { name: 'UTC' }).click();
    expect((await shown()).replace(' ', 'T')).toBe(call.start!.slice(0, 23));
    await page.locator('.call-head').getByText('UTC').waitFor();
    await page.getByRole('button', { name: /Prague/ }).click();
    expect((await shown()).replace(' ', 'T')).not.toBe(call.start!.slice(0, 23));
    await page.locator('.call-head').getByText('Europe/Prague').waitFor();
  });

  test('downloads the packets of the call', async () => {
    const file = process.env.DOWNLOAD || join(mkdtempSync(join(tmpdir(), 'gui-')), 'call.pcapng');
    const [download] = await Promise.all([page.waitForEvent('download'), page.locator('[data-action=pcap]').click()]);
    await download.saveAs(file);
    expect(await download.failure()).toBeNull();
    expect(download.suggestedFilename()).toMatch(/\.pcapng$/);
    expect(readFileSync(file).subarray(0, 4).toString('hex')).toBe('0a0d0d0a'); // a pcapng section header
    expect(statSync(file).size).toBe(call.capture.bytes);
    console.log(`downloaded: ${file}`);
  });

  test('goes back to the list as it was', async () => {
    await page.keyboard.press('u');
    await page.waitForURL((u) => u.pathname === '/calls' && (u.searchParams.get('where') ?? '').includes(call.call_id));
    await expect.poll(() => page.getByRole('combobox', { name: 'Search calls' }).inputValue()).toContain(call.call_id);
    await page.locator(link).waitFor();
  });

  test('says why a list is empty, and clears the filter', async () => {
    await page.goto(`${base}/calls?q=no-such-call`);
    await page.getByRole('heading', { name: 'No call matches' }).waitFor();
    await page.getByRole('button', { name: 'Clear the filter' }).click();
    await page.locator('.virtual a[data-call]').first().waitFor();
  });

  test('says what is missing when a call is not there', async () => {
    await page.goto(`${base}/calls/01900000-0000-7000-8000-000000000000`);
    await page.getByRole('heading', { name: 'This call is not here' }).waitFor();
  });

  test('shows an administrator how to add a sensor', async () => {
    await page.goto(`${base}/sensors?add=1`);
    await page.getByRole('button', { name: 'Make a token' }).click();
    const command = page.locator('.command code').filter({ hasText: 'voipmon pair' });
    await expect.poll(() => command.innerText()).toMatch(/^voipmon pair --server \S+:\d+ --token - -c /);
  });

  describe.each([['light', 1440, 900], ['dark', 1440, 900], ['light', 390, 844], ['dark', 360, 740]] as const)('in a %s window of %i by %i', (scheme, width, height) => {
    let view: Page;
    beforeAll(async () => {
      view = await visit.context.newPage();
      visit.watch(view);
      await view.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
      await view.setViewportSize({ width, height });
    });
    afterAll(() => view.close());

    test.each(VIEWS)('%s is accessible and fits', async (title, path, ready) => {
      await view.goto(base + path(call));
      await view.locator(ready).first().waitFor();
      await view.waitForTimeout(300); // charts draw, the live view connects
      if (process.env.SCREENSHOTS) {
        mkdirSync(process.env.SCREENSHOTS, { recursive: true });
        await view.screenshot({ path: join(process.env.SCREENSHOTS, `${width}-${scheme}-${title}.png`), fullPage: !['calls', 'audit'].includes(title) });
      }
      await view.evaluate(axe.source);
      const result = await view.evaluate(() => (globalThis as unknown as { axe: typeof axe }).axe.run({ resultTypes: ['violations'] }));
      expect(result.violations.map((v) => `${v.id}: ${v.nodes.map((n) => `${n.target.join(' ')} ${n.failureSummary}`).join('; ')}`)).toEqual([]);
      expect(await view.evaluate(() => document.documentElement.scrollWidth - window.innerWidth), 'pixels beyond the window’s width').toBeLessThanOrEqual(0);
    });
  });

  test.each(VIEWS.filter(([title]) => title !== 'login'))('%s fits windows of any width', async (_, path, ready) => {
    await page.goto(base + path(call));
    await page.locator(ready).first().waitFor();
    const wide: string[] = [];
    for (let width = 1440; width >= 360; width -= 40) {
      await page.setViewportSize({ width, height: 800 });
      const over = await page.evaluate(() => new Promise<number>((done) => requestAnimationFrame(() => done(document.documentElement.scrollWidth - window.innerWidth))));
      if (over > 0) wide.push(`${width}: ${over} px beyond`);
    }
    await page.setViewportSize({ width: 1440, height: 900 });
    expect(wide).toEqual([]);
  });

  test('says so when the session is over, and goes on where one was', async () => {
    await page.goto(`${base}/calls`);
    await page.locator('.virtual a[data-call]').first().waitFor();
    await visit.context.clearCookies();
    await page.getByRole('navigation').getByRole('link', { name: 'Sensors' }).click();
    await page.getByText('Your session is over').waitFor();
    await login(page);
    await page.waitForURL(`${base}/sensors`);
  });

  test('ends the session', async () => {
    await page.goto(`${base}/calls`);
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.waitForURL(/\/login\?out=1$/);
    await page.goto(`${base}/calls`);
    await page.waitForURL(/\/login\?next=%2Fcalls$/);
  });

  test('never asked another site for anything', () => expect(visit.foreign).toEqual([]));
  test('left no error in the console', () => expect(visit.complaints).toEqual([]));
});
