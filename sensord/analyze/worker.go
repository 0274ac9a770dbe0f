package analyze

import "voiptop/sensord/internal/call"

// worker does, in one goroutine, all that is done beside the engine: it reads ahead, does the work of a shard, and may write. These are
// one goroutine's, and not one's each, because with two cores it then has a core of its own, and its memory that core's cache.
type worker struct {
	ahead  *ahead
	shard  *shard  // nil: none
	writer *writer // nil: another worker's
}

// close says that nothing more comes of the engine. A worker that writes is the first to be told.
func (w *worker) close() {
	if w.writer != nil {
		w.writer.close()
	}
	if w.shard != nil {
		close(w.shard.full)
	}
}

// run ends when all is closed that work comes from.
func (w *worker) run() {
	free := w.ahead.free
	var work chan []call.Work
	if w.shard != nil {
		work = w.shard.full
	}
	var lists chan []ended
	if w.writer != nil {
		lists = w.writer.full
	}
	read := func(b *batch, ok bool) {
		if !ok || !w.ahead.read(b) {
			free = nil
			w.ahead.ended.Done()
		}
	}
	for free != nil || work != nil || lists != nil {
		if free != nil && len(w.ahead.full) == 0 { // what the engine waits for comes first
			select {
			case b, ok := <-free:
				read(b, ok)
				continue
			default:
			}
		}
		if len(lists) > 0 { // so that the engine need not wait to tell of more
			list := <-lists
			w.catchUp()
			w.writer.write(list)
			continue
		}
		select {
		case b, ok := <-free:
			read(b, ok)
		case list, ok := <-work:
			if !ok {
				work = nil
				continue
			}
			w.shard.work(list)
		case list, ok := <-lists:
			if !ok {
				lists = nil
				continue
			}
			w.catchUp()
			w.writer.write(list)
		}
	}
}

// catchUp does the work that was given to the shard so far.
func (w *worker) catchUp() {
	for range len(w.shard.full) {
		w.shard.work(<-w.shard.full)
	}
}
