package main

import (
	"container/list"
	"sync"
)

// recall remembers what was used last, so many things. It may be used by many goroutines; the zero value remembers nothing.
type recall[K comparable, V any] struct {
	most int
	mu   sync.Mutex
	by   list.List // of entry, used last in front
	at   map[K]*list.Element
}

type entry[K comparable, V any] struct {
	key K
	val V
}

func (r *recall[K, V]) get(k K) (v V, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.at[k]
	if e == nil {
		return v, false
	}
	r.by.MoveToFront(e)
	return e.Value.(entry[K, V]).val, true
}

func (r *recall[K, V]) put(k K, v V) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.at == nil {
		r.at = map[K]*list.Element{}
	}
	if e := r.at[k]; e != nil {
		r.by.Remove(e)
	}
	r.at[k] = r.by.PushFront(entry[K, V]{k, v})
	for len(r.at) > r.most {
		last := r.by.Back()
		r.by.Remove(last)
		delete(r.at, last.Value.(entry[K, V]).key)
	}
}
