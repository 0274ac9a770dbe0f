// Listening on the call page: the player, once somebody asks for it, or why there is nothing to hear.

import { useEffect, useState } from 'preact/hooks';
import type { CDR, User } from '../api/types';
import { duration } from '../format';
import { Player } from '../listen/player';
import { Icon } from '../ui/icons';
import { typing } from '../ui/keys';
import type { Access } from './reasons';
import { RuleOffer } from './ruleoffer';

interface Props {
  cdr: CDR;
  state: Access;
  user: User;
  from: number | null; // s; the URL asks for the player at this moment
}

export function ListenPanel({ cdr, state, user, from }: Props) {
  const [open, setOpen] = useState(from !== null);
  useEffect(() => {
    if (!state.get || open) return;
    const key = (e: KeyboardEvent) => {
      if (e.key === 'l' && !typing(e)) setOpen(true);
    };
    document.addEventListener('keydown', key);
    return () => document.removeEventListener('keydown', key);
  }, [state.get, open]);
  return (
    <section class="panel listen" aria-labelledby="listen">
      <div class="panel-head">
        <h2 id="listen">Listen</h2>
        {state.get && !open && (
          <button type="button" class={state.offline ? '' : 'primary'} onClick={() => setOpen(true)} data-action="listen">
            <Icon name="play" /> {state.offline ? 'Try to listen' : 'Listen'} <small>{duration(cdr.connect_ms ?? cdr.duration_ms)} {cdr.codecs.join(', ')}</small>
          </button>
        )}
      </div>
      {state.why && !(state.get && open) && <p class={state.offline ? 'notice warn' : 'quiet'}>{state.why}</p>}
      {state.pcap && <p><a href="#capture">To its packets</a></p>}
      {state.rule && <RuleOffer cdr={cdr} rule={state.rule} user={user} />}
      {state.get && !open && !state.offline && <p class="quiet">The sensor decodes what it kept, on the way to you; nothing is stored here. That you listened is written to the audit log.</p>}
      {state.get && open && <Player cdr={cdr} from={from ?? 0} digits={user.rights.includes('numbers')} />}
    </section>
  );
}
