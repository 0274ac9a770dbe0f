// Who changed the rules, and when.

import { useEffect, useState } from 'preact/hooks';
import { api } from '../api/client';
import type { AuditEntry } from '../api/types';
import { Moment } from '../ui/bits';

export function RuleHistory({ revision }: { revision: number }) {
  const [list, setList] = useState<AuditEntry[]>([]);
  useEffect(() => {
    const control = new AbortController();
    api.audit(new URLSearchParams({ action: 'rules.change', limit: '50' }), control.signal).then(
      (l) => setList(l.filter((e) => e.action === 'rules.change')),
      () => {}, // the audit page says what is wrong
    );
    return () => control.abort();
  }, [revision]);
  if (list.length === 0) return null;
  return (
    <section class="panel" aria-labelledby="rule-history">
      <h2 id="rule-history">Changes</h2>
      <ul class="changes">
        {list.map((e, i) => (
          <li key={i}>
            <Moment t={e.time} /> <strong>{e.user}</strong> <span class="quiet">{[e.object, e.detail, e.addr && `from ${e.addr}`].filter(Boolean).join(', ')}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
