package memtransport

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

const (
	minBuffer = 4 << 10
	maxBuffer = 64 << 10 // a writer that is further ahead of the reader blocks
)

// A half is one direction of a connection: a ring of bytes that grows with what it has to hold.
type half struct {
	mu            sync.Mutex // guards below
	readable      sync.Cond  // there are bytes, or reading has ended
	writable      sync.Cond  // there is room, nobody writes, or writing has ended
	ring          []byte     // nil or a power of two long
	start, n      int        // of the buffered bytes
	writing       bool       // a Write is under way: its bytes stay together
	readerClosed  bool
	end           error // what the reader gets after the last byte, once the writer has closed
	readDeadline  deadline
	writeDeadline deadline
}

func (h *half) init() {
	h.readable.L = &h.mu
	h.writable.L = &h.mu
}

func (h *half) read(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch {
		case h.readerClosed:
			return 0, net.ErrClosed
		case h.readDeadline.passed():
			return 0, os.ErrDeadlineExceeded
		case len(p) == 0:
			return 0, nil
		case h.n > 0:
			n := h.take(p)
			h.writable.Broadcast()
			return n, nil
		case h.end != nil:
			return 0, h.end
		}
		h.readable.Wait()
	}
}

func (h *half) write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for h.writing {
		if err := h.writeError(); err != nil {
			return 0, err
		}
		h.writable.Wait()
	}
	h.writing = true
	defer func() {
		h.writing = false
		h.writable.Broadcast()
	}()
	for written := 0; ; {
		if err := h.writeError(); err != nil {
			return written, err
		}
		if n := h.put(p[written:]); n > 0 {
			written += n
			h.readable.Broadcast()
		}
		if written == len(p) {
			return written, nil
		}
		h.writable.Wait()
	}
}

func (h *half) writeError() error {
	switch {
	case h.end != nil:
		return net.ErrClosed
	case h.readerClosed:
		return io.ErrClosedPipe
	case h.writeDeadline.passed():
		return os.ErrDeadlineExceeded
	}
	return nil
}

// take moves bytes from the ring to p.
func (h *half) take(p []byte) int {
	n := min(len(p), h.n)
	first := copy(p[:n], h.ring[h.start:])
	copy(p[first:n], h.ring)
	h.start = (h.start + n) & (len(h.ring) - 1)
	h.n -= n
	return n
}

// put moves bytes from p to the ring, as many as there is room for.
func (h *half) put(p []byte) int {
	n := min(len(p), maxBuffer-h.n)
	if h.n+n > len(h.ring) {
		h.grow(h.n + n)
	}
	if n == 0 {
		return 0
	}
	w := (h.start + h.n) & (len(h.ring) - 1)
	first := copy(h.ring[w:], p[:n])
	copy(h.ring, p[first:n])
	h.n += n
	return n
}

func (h *half) grow(need int) {
	size := minBuffer
	for size < need {
		size *= 2
	}
	ring := make([]byte, size)
	n := h.n
	if n > 0 {
		h.take(ring[:n])
	}
	h.ring, h.start, h.n = ring, 0, n
}

// closeReader drops what is buffered, and fails every Write.
func (h *half) closeReader() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.readerClosed = true
	h.readDeadline.stop()
	h.ring, h.start, h.n = nil, 0, 0
	h.wake()
}

// closeWriter ends what the reader can read with the error end.
func (h *half) closeWriter(end error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.end == nil {
		h.end = end
	}
	h.writeDeadline.stop()
	h.wake()
}

func (h *half) wake() {
	h.readable.Broadcast()
	h.writable.Broadcast()
}

func (h *half) setReadDeadline(t time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.readerClosed {
		return net.ErrClosed
	}
	h.readDeadline.set(t, h.wakeLocked)
	h.readable.Broadcast()
	return nil
}

func (h *half) setWriteDeadline(t time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.end != nil {
		return net.ErrClosed
	}
	h.writeDeadline.set(t, h.wakeLocked)
	h.writable.Broadcast()
	return nil
}

// wakeLocked takes the lock so that it does not slip in between a waiter's look at the deadline and its Wait.
func (h *half) wakeLocked() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.wake()
}

// A deadline is an instant with a timer that wakes who waits.
type deadline struct {
	at    time.Time // zero: none
	timer *time.Timer
}

func (d *deadline) passed() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }

func (d *deadline) set(t time.Time, wake func()) {
	d.stop()
	d.at = t
	if t.IsZero() {
		return
	}
	wait := time.Until(t)
	if wait <= 0 {
		return
	}
	d.at = time.Now().Add(wait) // on the monotonic clock, which the timer follows
	if d.timer == nil {
		d.timer = time.AfterFunc(wait, wake)
	} else {
		d.timer.Reset(wait)
	}
}

func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
	}
}
