package protorpc

import (
	"context"
	"encoding/binary"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/internal/bufpool"
	"github.com/protomicro/micro/status"
)

// A draft is what is to be sent, encoded outside of any lock: sections and a message in one buffer.
type draft struct {
	buf        *bufpool.Buffer
	head, tail int // where the sections end
}

// newDraft returns a draft with room for msg and for usual sections.
func (h *half) newDraft(msg any) draft {
	size := 256
	if sizer, ok := h.codec.(codec.Sizer); ok && msg != nil {
		size += sizer.Size(msg)
	}
	return draft{buf: bufpool.Get(size)}
}

// section appends a section that f encodes.
func (d *draft) section(f func([]byte) []byte) int {
	at := len(d.buf.B)
	d.buf.B = f(append(d.buf.B, 0, 0, 0, 0))
	n := len(d.buf.B) - at - 4
	binary.BigEndian.PutUint32(d.buf.B[at:], uint32(n)) //nolint:gosec // bounded by sectionLimit
	return n
}

func (d *draft) parts(first, last bool, from, n int) (p parts) {
	b := d.buf.B
	if first {
		p.head = b[:d.head]
	}
	if last {
		p.tail = b[d.head:d.tail]
	}
	p.body = b[d.tail+from : d.tail+from+n]
	return p
}

// message appends msg, which may be nil for none.
func (h *half) message(d *draft, msg any) error {
	if msg == nil {
		return nil
	}
	b, err := h.codec.MarshalAppend(d.buf.B, msg)
	if err != nil {
		return status.From(err)
	}
	d.buf.B = b
	if n, most := len(b)-d.tail, h.c.peer.maxMessage; n > most {
		return status.Errorf(status.ResourceExhausted, "a message of %d bytes; the peer accepts %d", n, most)
	}
	return nil
}

// send sends a draft in as many frames as its message needs. flags are those of the last frame, but for the message and
// the head; put queues one frame, when there is room, with c.mu held, and is where a call gets its id.
func (h *half) send(ctx context.Context, d *draft, hasMsg bool, flags byte, put func(flags byte, p parts) error) error {
	size := len(d.buf.B) - d.tail
	for sent, first := 0, true; first || sent < size; first = false {
		n := 0
		var err error
		if hasMsg {
			if n, err = h.reserve(ctx, size-sent); err != nil {
				return err
			}
		}
		f, last := byte(0), sent+n == size
		if first && d.head > 0 {
			f |= flagHead
		}
		if hasMsg {
			f |= flagMsg
		}
		if last {
			f |= flags
		} else {
			f |= flagMore
		}
		h.c.mu.Lock()
		if err = h.c.awaitRoom(ctx); err == nil {
			err = put(f, d.parts(first, last, sent, n))
		}
		h.c.mu.Unlock()
		if err != nil {
			return err
		}
		sent += n
	}
	return nil
}
