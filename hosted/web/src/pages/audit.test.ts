import { expect, test } from 'vitest';
import { auditPath, parseAudit } from './audit';

test.each(['/audit', '/audit?user=jana', '/audit?action=audio.listen&range=7d', '/audit?user=a+b&action=login&range=1h'])('%s is a view of its own', (path) => {
  expect(auditPath(parseAudit(new URL(path, 'http://x').searchParams))).toBe(path);
});

test('what an old link asks for that is not known is left out', () => expect(parseAudit(new URLSearchParams('range=2y&from=x'))).toEqual({ user: '', action: '', range: 'all' }));
