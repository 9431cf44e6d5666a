package protorpc

import (
	"context"
	"sync"
	"time"
)

// A callContext is the context of a call on the server. It costs one allocation with the call, where the standard
// library's would be four, and no lock that the calls of a connection share.
type callContext struct {
	values   context.Context // for values only
	deadline time.Time       // zero for none

	mu    sync.Mutex // guards below
	timer *time.Timer
	done  chan struct{}
	err   error
	after map[*func()]struct{} // to call when the context ends
}

// Deadline implements context.Context.
func (c *callContext) Deadline() (time.Time, bool) { return c.deadline, !c.deadline.IsZero() }

// Value implements context.Context.
func (c *callContext) Value(key any) any { return c.values.Value(key) }

// Done implements context.Context.
func (c *callContext) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done == nil {
		c.done = make(chan struct{})
		if c.err != nil {
			close(c.done)
		}
	}
	return c.done
}

// Err implements context.Context.
func (c *callContext) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// AfterFunc lets the context package derive contexts from this one without a goroutine for each.
func (c *callContext) AfterFunc(f func()) (stop func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		go f() // by the contract of context.AfterFunc
		return func() bool { return false }
	}
	if c.after == nil {
		c.after = make(map[*func()]struct{})
	}
	c.after[&f] = struct{}{}
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		_, waiting := c.after[&f]
		delete(c.after, &f)
		return waiting
	}
}

// expireAfter makes the context end with DeadlineExceeded.
func (c *callContext) expireAfter(d time.Duration) {
	c.deadline = time.Now().Add(d)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timer = time.AfterFunc(d, func() { c.cancel(context.DeadlineExceeded) })
}

// cancel ends the context; the first reason counts.
func (c *callContext) cancel(err error) {
	c.mu.Lock()
	if c.timer != nil {
		c.timer.Stop()
	}
	if c.err != nil {
		c.mu.Unlock()
		return
	}
	c.err = err
	if c.done != nil {
		close(c.done)
	}
	after := c.after
	c.after = nil
	c.mu.Unlock()
	for f := range after {
		go (*f)() // by the contract of context.AfterFunc
	}
}
