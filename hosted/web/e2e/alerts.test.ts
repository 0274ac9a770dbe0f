// Alerts, in a browser: from a ready-made one to an incident that somebody sees to.

import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Alert, Receiver, Silence } from '../src/api/alerts';
import { base, enter, get, keptCalls, start, why, type Visit } from './visit';

const send = (page: Page, method: string, path: string, body?: unknown) =>
  page.evaluate(
    async ([m, p, b]) => {
      const res = await fetch(`/api/v1${p}`, b === undefined ? { method: m! } : { method: m!, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(b) });
      return res.status;
    },
    [method, path, body] as [string, string, unknown],
  );

describe.skipIf(why !== '')('alerts', () => {
  let visit: Visit;
  let page: Page;
  const stamp = Date.now().toString(36);
  const name = `calls of ${stamp}`;
  const hook = `hook ${stamp}`;
  const row = (n: string) => page.locator(`tr[data-alert="${n}"]`);

  beforeAll(async () => {
    visit = await start();
    page = visit.page;
    await enter(page, '/alerts');
    await keptCalls(page); // there are calls to fire for
  });
  afterAll(async () => {
    for (const a of await get<Alert[]>(page, '/api/v1/alerts')) if (a.name.includes(stamp)) await send(page, 'DELETE', `/alerts/${a.id}`);
    for (const r of await get<Receiver[]>(page, '/api/v1/alerts/receivers')) if (r.name.includes(stamp)) await send(page, 'DELETE', `/alerts/receivers/${r.id}`);
    for (const s of await get<Silence[]>(page, '/api/v1/silences')) if (s.reason.includes(stamp)) await send(page, 'DELETE', `/silences/${s.id}`);
    await visit?.browser.close();
  });

  test('a receiver is made, its URL is not shown again, and a test says why it cannot be delivered', async () => {
    await page.getByRole('button', { name: 'Add a receiver' }).click();
    const form = page.getByRole('form', { name: 'New receiver' });
    await form.getByLabel('Name').fill(hook);
    await form.getByLabel('Kind').selectOption('webhook');
    await form.getByLabel(/^URL/).fill('https://127.0.0.1:9/secret-path');
    await form.getByRole('button', { name: 'Save' }).click();
    const made = page.locator(`li[data-receiver="${hook}"]`);
    await made.waitFor();
    expect(await page.content()).not.toContain('secret-path');
    await made.getByRole('button', { name: `Test ${hook}` }).click();
    await made.getByText(/Not delivered: the address is in a private network/).waitFor();
  });

  test('the editor says when an alert would have fired, and names what is wrong with a condition', async () => {
    await page.getByRole('button', { name: 'New alert' }).click();
    await page.getByLabel('Name').fill(name);
    await page.getByLabel(/^Figure/).selectOption('calls');
    await page.getByLabel(/^Of calls with/).fill('mso<5');
    await page.getByText(/did you mean "mos"/).waitFor();
    await page.getByLabel(/^Of calls with/).fill('');
    await page.getByLabel('Fires when it is').selectOption('above');
    await page.locator('input[name=threshold]').fill('0');
    await page.locator('select[name=window]').selectOption('1440');
    await page.locator('select[name=hold]').selectOption('0');
    await page.getByText(/Would have fired|Would not have fired/).waitFor();
    expect(Number(await page.locator('[data-fired]').getAttribute('data-fired'))).toBeGreaterThanOrEqual(0);
    await page.getByLabel(hook).check();
    await page.getByLabel('What to do').fill('look at them');
    await page.getByRole('button', { name: 'Save' }).click();
    await row(name).waitFor();
    await row(name).getByText('more than 0 calls in 24 h').waitFor();
  });

  test('it fires, the head says so, and its link finds the calls', async () => {
    await expect.poll(() => row(name).getAttribute('data-phase'), { timeout: 110_000 }).toBe('firing');
    await row(name).getByRole('link', { name: 'firing' }).click();
    const box = page.locator('.incident');
    await box.getByRole('heading', { name }).waitFor();
    await box.getByRole('link', { name: 'The calls' }).click();
    await page.waitForURL((u) => u.pathname === '/calls' && u.searchParams.has('from'));
    await page.locator('.virtual a[data-call]').first().waitFor();
    await page.getByRole('navigation').getByRole('link', { name: /^Alerts \d+ firing/ }).click();
  }, 150_000);

  test('somebody sees to it, and it is silenced', async () => {
    await row(name).getByRole('link', { name: 'firing' }).click();
    const box = page.locator('.incident');
    await box.getByLabel('Note').fill(`on it ${stamp}`);
    await box.getByRole('button', { name: 'Acknowledge' }).click();
    await box.getByText(`on it ${stamp}`).waitFor();
    await box.getByText(hook).waitFor(); // the message that could not be delivered, with its attempts
    await box.getByRole('button', { name: 'Silence …' }).click();
    await box.getByLabel('Reason').fill(`works ${stamp}`);
    await box.getByRole('button', { name: 'Silence', exact: true }).click();
    await page.getByRole('button', { name: `End the silence of ${name}` }).waitFor();
  });

  test.each([['light', 1280], ['dark', 1280], ['light', 390]] as const)('is accessible and fits in a %s window %i wide', async (scheme, width) => {
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize({ width, height: 900 });
    for (const open of ['list', 'editor']) {
      await page.goto(`${base}/alerts`);
      await row(name).getByRole('link', { name: 'firing' }).click();
      await page.locator('.incident').waitFor();
      if (open === 'editor') {
        await page.getByRole('button', { name: `Change ${name}` }).click();
        await page.getByLabel(/Quiet hours/).check();
        await page.locator('[data-fired]').waitFor();
      }
      await page.evaluate(axe.source);
      const result = await page.evaluate(() => (globalThis as unknown as { axe: typeof axe }).axe.run({ resultTypes: ['violations'] }));
      expect(result.violations.map((v) => `${v.id}: ${v.nodes.map((n) => `${n.target.join(' ')} ${n.failureSummary}`).join('; ')}`)).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth), 'pixels beyond the window’s width').toBeLessThanOrEqual(0);
    }
    await page.emulateMedia({ colorScheme: 'light' });
    await page.setViewportSize({ width: 1440, height: 900 });
  });

  test('a ready-made alert is taken as it is', async () => {
    await page.goto(`${base}/alerts`);
    await page.getByText('Ready-made alerts').click();
    await page.getByRole('button', { name: 'Use Sensor offline' }).click();
    await page.getByText(/by what sensors said each minute|No sensor has said anything/).waitFor();
    await page.getByLabel('Name').fill(`offline ${stamp}`);
    await page.getByRole('button', { name: 'Save' }).click();
    await row(`offline ${stamp}`).getByText('sensor offline for more than 3 min').waitFor();
  });

  test('an alert is switched off, and removed', async () => {
    await row(name).getByRole('button', { name: `${name} is on` }).click();
    await expect.poll(() => row(name).getAttribute('data-phase')).toBe('off');
    await row(name).getByRole('button', { name: `Remove ${name}` }).click();
    await row(name).getByRole('button', { name: 'Remove', exact: true }).click();
    await row(name).waitFor({ state: 'detached' });
  });

  test('left no error in the console', () => expect(visit.complaints).toEqual([]));
});
