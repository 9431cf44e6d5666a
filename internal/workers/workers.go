// Package workers runs short tasks on goroutines that are kept, because a goroutine that has grown its stack once is
// cheaper than a fresh one that must grow it again.
package workers

import (
	"sync"
	"sync/atomic"
)

// A Task is something to run.
type Task interface{ Run() }

// A Pool runs tasks, each on a goroutine of its own, and keeps up to Idle goroutines for the tasks that follow. The
// zero value works. It is safe for concurrent use.
type Pool struct {
	Idle int // goroutines kept when there is nothing to do; default 256, negative for none

	once  sync.Once
	close sync.Once
	next  chan Task // unbuffered: a send succeeds only if a worker waits
	wg    sync.WaitGroup
	idle  atomic.Int64

	watcher watcher
}

func (p *Pool) init() {
	p.next = make(chan Task)
	if p.Idle == 0 {
		p.Idle = 256
	}
}

// Go runs t on a goroutine and does not wait for it. It must not be called after Close.
func (p *Pool) Go(t Task) {
	p.once.Do(p.init)
	select {
	case p.next <- t:
	default:
		p.wg.Go(func() { p.work(t) })
	}
}

func (p *Pool) work(t Task) {
	for ok := true; ok; {
		t.Run()
		t, ok = p.wait()
	}
}

// wait returns the next task, or false if enough workers wait already or the pool is closed.
func (p *Pool) wait() (Task, bool) {
	defer p.idle.Add(-1)
	if p.idle.Add(1) > int64(p.Idle) {
		return nil, false
	}
	t, ok := <-p.next
	return t, ok
}

// Close ends the idle goroutines and waits for the tasks that run. It may be called more than once.
func (p *Pool) Close() {
	p.once.Do(p.init)
	p.close.Do(func() { close(p.next) })
	p.wg.Wait()
}
