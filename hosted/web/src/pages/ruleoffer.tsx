// A rule that would have kept a call, and the way to write it.

import type { CDR, User } from '../api/types';
import { Copy } from '../ui/bits';

export const rulePath = (id: string) => `/rules?call=${encodeURIComponent(id)}`;

export function RuleOffer({ cdr, rule, user }: { cdr: CDR; rule: string; user: User }) {
  return (
    <>
      <p class="command">
        <code>{rule}</code>
        <Copy text={rule} label="Copy the rule" />
      </p>
      {user.rights.includes('rules') ? (
        <p><a class="button" href={rulePath(cdr.id)}>Make a rule from this call</a></p>
      ) : (
        <p class="quiet">Rules are changed on the page <a href="/rules">Rules</a> by who has the right “rules”.</p>
      )}
    </>
  );
}
