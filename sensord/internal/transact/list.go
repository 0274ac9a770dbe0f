package transact

// node is an element of a list.
type node[T any] struct {
	prev, next *node[T]
	due        int64 // when its time comes, nanoseconds
	v          T
}

// list is a doubly linked list that owns no memory: nodes move between lists.
type list[T any] struct{ first, last *node[T] }

// add puts n at the end.
func (l *list[T]) add(n *node[T]) {
	n.prev, n.next = l.last, nil
	if l.last != nil {
		l.last.next = n
	} else {
		l.first = n
	}
	l.last = n
}

// remove takes n out.
func (l *list[T]) remove(n *node[T]) {
	if n.prev != nil {
		n.prev.next = n.next
	} else {
		l.first = n.next
	}
	if n.next != nil {
		n.next.prev = n.prev
	} else {
		l.last = n.prev
	}
	n.prev, n.next = nil, nil
}

// ripe is the first node if its time has come. Nodes are added in the order of their due times.
func (l *list[T]) ripe(now int64) *node[T] {
	if n := l.first; n != nil && n.due <= now {
		return n
	}
	return nil
}
