package objectrpc

import (
	"bytes"
	"context"
	"sync"
)

// A batch collects the answers to the objects of a batch and sends them together.
type batch struct {
	session *session
	out     outlet

	mu      sync.Mutex // guards below
	open    int        // answers that are to come, and one until all objects have been handled
	answers [][]byte
}

func newBatch(s *session, out outlet) *batch { return &batch{session: s, out: out, open: 1} }

// run handles the objects of the batch. Its calls run at once; those that are too many wait for their turn.
func (b *batch) run(frames []Frame) {
	for i := range frames {
		f := &frames[i]
		if f.Type == Malformed || f.Type == Request && f.ID != nil {
			b.mu.Lock()
			b.open++
			b.mu.Unlock()
		}
		if f.Type == Request {
			b.session.accept(f, b, true)
		} else {
			b.session.frame(f, b)
		}
	}
	_ = b.close(nil)
}

// put implements outlet: it takes one answer.
func (b *batch) put(_ context.Context, object []byte) error { return b.close(bytes.Clone(object)) }

// putNow implements outlet.
func (b *batch) putNow(object []byte) error { return b.close(object) }

// close takes an answer, unless it is nil, and sends all if none is to come any more.
func (b *batch) close(answer []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if answer != nil {
		b.answers = append(b.answers, answer)
	}
	if b.open--; b.open > 0 || len(b.answers) == 0 {
		return nil
	}
	return b.out.put(b.session.ctx, b.session.wire.AppendBatch(nil, b.answers))
}
