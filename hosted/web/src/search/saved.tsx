// Saved searches: to open, to save the current one under a name, to change and to delete.

import { useEffect, useState } from 'preact/hooks';
import { asProblem } from '../api/client';
import { searchAPI, type NewSearch, type SavedSearch } from '../api/search';
import type { Problem, User } from '../api/types';
import { isUsual, type Column } from '../pages/columns';
import { setPrefs } from '../prefs';
import { describe, RANGES, readRange, savedRange, type Filter } from '../query';
import { ProblemBox } from '../ui/bits';
import { Icon } from '../ui/icons';

interface Props {
  filter: Filter;
  user: User;
  columns: Column[];
  use: (f: Filter) => void;
}

export function Saved({ filter, user, columns, use }: Props) {
  const [list, setList] = useState<SavedSearch[] | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const load = () => searchAPI.list().then(setList, (e) => setProblem(asProblem(e)));
  useEffect(() => void load(), []);
  const act = (what: Promise<unknown>) => {
    setProblem(null);
    return what.then(load, (e) => setProblem(asProblem(e)));
  };
  const current = (name: string, shared: boolean): NewSearch => ({
    name, shared, where: filter.where, range: savedRange(filter), columns: isUsual(columns) ? [] : columns.map((c) => c.name),
  });
  const open = (s: SavedSearch) => {
    setPrefs({ columns: s.columns });
    use({ where: s.where, ...readRange(s.range), oldest: filter.oldest });
  };
  if (!list && !problem) return <p class="quiet">Loading …</p>;
  return (
    <>
      {problem && <ProblemBox problem={problem} />}
      {list?.length === 0 && <p class="quiet">None is saved yet. Search for something, then give it a name here.</p>}
      <ul class="saved">
        {list?.map((s) => (
          <li key={s.id} data-search={s.name}>
            <button type="button" class="quiet-button" onClick={() => open(s)}>
              <b>{s.name}</b>
              <small class="quiet">{words(s)}{s.shared && ` · shared by ${s.author}`}</small>
            </button>
            {s.may_change && (
              <>
                <button type="button" class="quiet-button" aria-label={`${s.name}: replace by the current search`} title="Replace by the current search" onClick={() => act(searchAPI.change(s.id, current(s.name, s.shared)))}><Icon name="pcap" /></button>
                <button type="button" class="quiet-button" aria-label={`Delete ${s.name}`} title="Delete" onClick={() => confirm(`Delete the search “${s.name}”${s.shared ? ', which others may use' : ''}?`) && act(searchAPI.remove(s.id))}><Icon name="close" /></button>
              </>
            )}
          </li>
        ))}
      </ul>
      <Save filter={filter} mayShare={user.role !== 'viewer'} save={(name, shared) => act(searchAPI.save(current(name, shared)))} />
    </>
  );
}

const words = (s: SavedSearch) => describe({ where: s.where, ...readRange(s.range), oldest: false }).join(', ') || RANGES.all;

function Save({ filter, mayShare, save }: { filter: Filter; mayShare: boolean; save: (name: string, shared: boolean) => Promise<void> }) {
  const [name, setName] = useState('');
  const [shared, setShared] = useState(false);
  return (
    <form
      class="tools-form"
      onSubmit={(e) => {
        e.preventDefault();
        if (name.trim()) void save(name.trim(), shared).then(() => setName(''));
      }}
    >
      <label>
        Save the current search ({describe(filter).join(', ') || 'all calls'}) as
        <input value={name} maxLength={100} placeholder="Name" autoComplete="off" onInput={(e) => setName(e.currentTarget.value)} />
      </label>
      {mayShare && <label class="check"><input type="checkbox" checked={shared} onChange={(e) => setShared(e.currentTarget.checked)} /> Shared: all users of the tenant see it</label>}
      <div class="buttons start"><button type="submit" class="primary" disabled={!name.trim()}>Save</button></div>
    </form>
  );
}
