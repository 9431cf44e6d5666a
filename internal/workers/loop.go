package workers

import (
	"sync"
	"sync/atomic"
	"time"
)

// tick is how often loops are looked at: a task holds up its loop for at most two ticks.
const tick = time.Millisecond

// A Loop is a goroutine that reads tasks, and runs those that are likely to be short itself: that saves waking another
// goroutine for each. When a task does not return in time, the loop goes on elsewhere.
type Loop struct {
	pool    *Pool
	next    func()
	turn    atomic.Uint64 // odd while a task runs; who moves it on from there owns the loop
	watched atomic.Bool
	last    uint64 // turn at the last tick; of the watcher
	pace    *Pace  // of the task that runs; of the owner
}

// NewLoop returns a loop that next goes on with, on a goroutine of the pool.
func (p *Pool) NewLoop(next func()) *Loop { return &Loop{pool: p, next: next} }

// Run runs t, which is of the kind that pace knows: on the calling goroutine, which owns the loop, if t is likely to be
// short, and otherwise on another. It tells whether the caller still owns the loop, and goes on elsewhere with the loop
// if not, and if t ends the goroutine.
func (l *Loop) Run(t Task, pace *Pace) (owner bool) {
	if !pace.short() {
		l.pool.Go(t)
		return true
	}
	l.pace = pace
	turn := l.turn.Add(1)
	if !l.watched.Load() {
		l.pool.watch(l)
	}
	var took time.Duration
	defer func() {
		owner = l.turn.CompareAndSwap(turn, turn+1)
		switch {
		case !owner:
		case took == 0: // t has ended the goroutine
			l.pool.Go(task(l.next))
		case took < short:
			pace.speedUp()
		default:
			pace.slowDown(long)
		}
	}()
	start := time.Now()
	t.Run()
	took = max(1, time.Since(start))
	return owner
}

type task func()

func (t task) Run() { t() }

// A watcher looks at the loops that have run a task lately.
type watcher struct {
	mu    sync.Mutex
	loops []*Loop
}

// watch adds l to the loops that are looked at. The watcher's goroutine runs while there are any.
func (p *Pool) watch(l *Loop) {
	w := &p.watcher
	w.mu.Lock()
	defer w.mu.Unlock()
	if l.watched.Swap(true) {
		return
	}
	l.last = 0
	if w.loops = append(w.loops, l); len(w.loops) == 1 {
		p.wg.Go(w.run)
	}
}

func (w *watcher) run() {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for range ticker.C {
		if !w.look() {
			return
		}
	}
}

// look moves the loops on whose task has run since the last tick, forgets those that had none, and tells whether any
// are left.
func (w *watcher) look() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	kept := w.loops[:0]
	for _, l := range w.loops {
		if l.look() {
			kept = append(kept, l)
		}
	}
	clear(w.loops[len(kept):])
	w.loops = kept
	return len(kept) > 0
}

func (l *Loop) look() bool {
	turn := l.turn.Load()
	switch {
	case turn != l.last:
	case turn%2 == 1:
		if l.turn.CompareAndSwap(turn, turn+1) {
			l.pace.slowDown(stuck)
			l.pool.Go(task(l.next))
		}
	default:
		l.watched.Store(false)
		if l.turn.Load() == turn || l.watched.Swap(true) { // a task that begins now sees one or the other
			return false
		}
	}
	l.last = turn
	return true
}

const (
	short = 10 * time.Microsecond // a task that takes longer is better off on a goroutine of its own
	most  = 12                    // the most that a Pace backs off
	long  = 2                     // how much more it does after a task that was not short
	stuck = 6                     // how much more it does after a task that held the loop up for a tick
)

// A Pace is what a loop remembers of one kind of task. The zero value knows nothing.
type Pace struct {
	back int // tasks run elsewhere after one that was not short: 1<<back; a short one brings it down by one
	skip int // how many of them are left
}

func (p *Pace) short() bool {
	if p.skip > 0 {
		p.skip--
	}
	return p.skip == 0
}

func (p *Pace) speedUp() { p.back = max(0, p.back-1) }

func (p *Pace) slowDown(by int) {
	p.back = min(p.back+by, most)
	p.skip = 1 << p.back
}
