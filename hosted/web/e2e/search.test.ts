// The search of calls, as somebody uses it who looks for bad ones.

import axe from 'axe-core';
import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CallPage } from '../src/api/types';
import { base, enter, get, start, why, type Visit } from './visit';

describe.skipIf(why)('the search', () => {
  let visit: Visit;
  let page: Page;
  const name = `e2e ${Date.now()}`;
  const field = () => page.getByRole('combobox', { name: 'Search calls' });
  const where = (want: string) => page.waitForURL((u) => (u.searchParams.get('where') ?? '') === want);
  const accessible = async () => {
    await page.evaluate(axe.source);
    const result = await page.evaluate(() => (globalThis as unknown as { axe: typeof axe }).axe.run({ resultTypes: ['violations'] }));
    expect(result.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).join('; ')}`)).toEqual([]);
  };

  beforeAll(async () => {
    visit = await start();
    page = visit.page;
    await enter(page, '/calls');
    await page.locator('.virtual a[data-call]').first().waitFor();
  }, 60_000);
  afterAll(() => visit?.browser.close());

  test('completes a condition, and finds what it says', async () => {
    await field().click();
    await page.keyboard.type('status:200 and call');
    await page.getByRole('option', { name: 'callee:' }).waitFor();
    await accessible();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await expect.poll(() => field().inputValue()).toBe('status:200 and callee:');
    await page.keyboard.type('*');
    await where('status:200 and callee:*');
    const first = page.locator('.virtual .row:not(.live) a[data-call]').first();
    await first.waitFor();
    const found = await get<CallPage>(page, `/api/v1/calls?${new URLSearchParams({ where: 'status:200 and callee:*' })}`);
    expect(found.calls.map((c) => c.id)).toContain(await first.getAttribute('data-call'));
  });

  test('says what is wrong at its place while it is typed, and mends it', async () => {
    await field().fill('status:200 and calee:1*');
    await page.getByText('Found "calee", expected the name of a field.').waitFor();
    expect(await page.locator('.where .wrong').innerText()).toBe('calee');
    await accessible();
    await page.getByRole('button', { name: 'callee', exact: true }).click();
    await where('status:200 and callee:1*');
    expect(await page.locator('.wrong-here').count()).toBe(0);
  });

  test('takes a number alone for the beginning of a number', async () => {
    await field().fill('+42');
    await page.keyboard.press('Enter');
    await where('number:+42*');
    await expect.poll(() => field().inputValue()).toBe('number:+42*');
  });

  test('has filters that write the same condition', async () => {
    await field().fill('');
    await page.waitForURL(`${base}/calls`);
    await page.getByLabel('MOS below').selectOption('4');
    await where('mos<4');
    await page.getByRole('checkbox', { name: 'PCAP kept' }).check();
    await where('mos<4 and kept:(sip headers rtp)');
    await expect.poll(() => field().inputValue()).toBe('mos<4 and kept:(sip headers rtp)');
    await field().fill('mos<3.1 and status:200');
    await where('mos<3.1 and status:200');
    await expect.poll(() => page.getByLabel('MOS below').inputValue()).toBe('3.1');
    expect(await page.getByRole('checkbox', { name: 'PCAP kept' }).isChecked()).toBe(false);
    await page.getByRole('button', { name: 'Clear', exact: true }).click();
    await page.waitForURL(`${base}/calls`);
  });

  test('turns the order around', async () => {
    const first = () => page.locator('.virtual .row:not(.live) a[data-call]').first().getAttribute('data-call');
    const newest = await first();
    await page.getByRole('columnheader', { name: /^Time/ }).getByRole('button').click();
    await page.waitForURL((u) => u.searchParams.get('order') === 'oldest');
    await expect.poll(first).not.toBe(newest);
    expect(await page.getByRole('columnheader', { name: /^Time/ }).getAttribute('aria-sort')).toBe('ascending');
    await page.getByRole('columnheader', { name: /^Time/ }).getByRole('button').click();
    await page.waitForURL(`${base}/calls`);
  });

  test('shows the columns that one chooses', async () => {
    const heads = () => page.getByRole('columnheader').allInnerTexts();
    await page.locator('[data-tool=columns]').click();
    await page.getByRole('button', { name: 'Show Call-ID' }).click();
    await page.getByRole('button', { name: 'Hide Codec' }).click();
    await accessible();
    await page.getByRole('button', { name: 'Close' }).click();
    expect((await heads()).at(-1)).toBe('Call-ID');
    expect(await heads()).not.toContain('Codec');
    await page.reload();
    await page.locator('.virtual a[data-call]').first().waitFor();
    expect((await heads()).at(-1)).toBe('Call-ID');
  });

  test('is saved, shared and opened again, with its columns', async () => {
    await field().fill('status:200');
    await where('status:200');
    await page.locator('[data-tool=saved]').click();
    await page.getByPlaceholder('Name').fill(name);
    await page.getByLabel('Shared').check();
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await page.locator(`[data-search="${name}"]`).waitFor();
    await accessible();
    await page.getByRole('button', { name: 'Close' }).click();
    await page.getByRole('button', { name: 'Clear', exact: true }).click();
    await page.locator('[data-tool=columns]').click();
    await page.getByRole('button', { name: 'The usual columns' }).click();
    await page.getByRole('button', { name: 'Close' }).click();
    await page.locator('[data-tool=saved]').click();
    await page.locator(`[data-search="${name}"] button`).first().click();
    await where('status:200');
    expect((await page.getByRole('columnheader').allInnerTexts()).at(-1)).toBe('Call-ID');
  });

  test('is exported as it is listed', async () => {
    await page.locator('[data-tool=export]').click();
    const found = page.locator('[data-found]');
    await found.filter({ hasText: 'call' }).waitFor();
    await expect.poll(() => found.getAttribute('data-found')).toMatch(/^\d+$/);
    await accessible();
    const [download] = await Promise.all([page.waitForEvent('download'), page.locator('[data-action=export]').click()]);
    const rows = readFileSync((await download.path())!, 'utf8').trimEnd().split('\n');
    expect(download.suggestedFilename()).toMatch(/^calls-.*\.csv$/);
    expect(rows.length - 1).toBe(Number(await found.getAttribute('data-found')));
    expect(rows[0]).toMatch(/^start \(Europe\/Prague\),caller,callee,.*,call_id$/);
    expect(rows[1]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+0[12]:00,/);
    await page.getByRole('button', { name: 'Close' }).click();
  });

  test('is deleted when nobody needs it', async () => {
    await page.locator('[data-tool=saved]').click();
    page.once('dialog', (d) => void d.accept());
    await page.getByRole('button', { name: `Delete ${name}` }).click();
    await page.locator(`[data-search="${name}"]`).waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Close' }).click();
  });

  test.each([390, 760, 1060, 1280, 1560])('fits a window of %i px', async (width) => {
    await page.evaluate(() => localStorage.setItem('prefs', '{}'));
    await page.setViewportSize({ width, height: 844 });
    await page.goto(`${base}/calls?${new URLSearchParams({ where: 'mos<4.5 and (callee:* or caller:"a very long name that goes on and on and on" or status:200) and not end:cancel' })}`);
    await page.locator('.virtual a[data-call]').first().waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)).toBeLessThanOrEqual(0);
  });

  test('left no error in the console', () => expect(visit.complaints).toEqual([]));
});
