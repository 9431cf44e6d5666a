package httprpc

import (
	"sync"
	"time"

	"github.com/protomicro/micro/status"
	"github.com/protomicro/micro/transport"
)

// A Patience reads the body of a request while a message is awaited, and interrupts the exchange if no byte comes for
// Limit. It leaves the exchange alone otherwise, since deadlines cost more than a timer and end HTTP/1.1 connections.
type Patience struct {
	X     transport.Exchange
	Limit time.Duration

	mu      sync.Mutex // guards below
	timer   *time.Timer
	armed   bool      // the timer will call check
	waiting bool      // a read waits
	since   time.Time // it waits since then
	lost    bool      // the exchange was interrupted
	ended   bool
	checks  sync.WaitGroup // the armed timer
}

// Read is the exchange's. The error is DeadlineExceeded if the limit is reached.
func (p *Patience) Read(b []byte) (int, error) {
	p.begin()
	n, err := p.X.Read(b)
	if p.stop() && n == 0 && err != nil {
		return 0, status.Errorf(status.DeadlineExceeded, "no byte of a message came for %v", p.Limit)
	}
	return n, err
}

func (p *Patience) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting, p.since = true, time.Now()
	if p.armed || p.ended {
		return
	}
	p.armed = true
	p.checks.Add(1)
	if p.timer == nil {
		p.timer = time.AfterFunc(p.Limit, p.check)
	} else {
		p.timer.Reset(p.Limit)
	}
}

// stop ends the waiting and tells whether the exchange was interrupted.
func (p *Patience) stop() (lost bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting = false
	return p.lost
}

// check interrupts a read that waits for too long, and comes again while one waits.
func (p *Patience) check() {
	p.mu.Lock()
	defer p.mu.Unlock()
	left := p.Limit - time.Since(p.since)
	switch {
	case p.ended || !p.waiting:
	case left > 0:
		p.timer.Reset(left)
		return
	default:
		p.lost = true
		_ = p.X.SetReadDeadline(time.Unix(1, 0))
	}
	p.armed = false
	p.checks.Done()
}

// End waits until the exchange is not touched any more.
func (p *Patience) End() {
	p.mu.Lock()
	p.ended = true
	if p.armed && p.timer.Stop() {
		p.armed = false
		p.checks.Done()
	}
	p.mu.Unlock()
	p.checks.Wait()
}
