package workers_test

import (
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/protomicro/micro/internal/leakcheck"
	"github.com/protomicro/micro/internal/workers"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

type task func()

func (f task) Run() { f() }

// goroutine returns what tells the calling goroutine from others: "goroutine 42".
func goroutine() string {
	buf := make([]byte, 64)
	head, _, _ := strings.Cut(string(buf[:runtime.Stack(buf, false)]), " [")
	return head
}

func TestPool_ReusesGoroutines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p workers.Pool
		seen := make(map[string]int)
		for range 10 {
			p.Go(task(func() { seen[goroutine()]++ }))
			synctest.Wait() // the worker waits again
		}
		if len(seen) != 1 {
			t.Errorf("ten tasks one after the other ran on %v, want one goroutine", seen)
		}
		p.Close()
	})
}

// TestPool_TasksDoNotWaitForEachOther starts tasks that can only end together.
func TestPool_TasksDoNotWaitForEachOther(*testing.T) {
	const n = 1000
	p := workers.Pool{Idle: 2}
	var all sync.WaitGroup
	all.Add(n)
	for range n {
		p.Go(task(func() {
			all.Done()
			all.Wait()
		}))
	}
	all.Wait()
	p.Close()
}

func TestPool_KeepsAsManyAsIdle(t *testing.T) {
	for _, test := range []struct{ idle, tasks, want int }{
		{3, 10, 3},
		{3, 2, 2},
		{0, 300, 256},
		{-1, 10, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := workers.Pool{Idle: test.idle}
			var kept atomic.Int64
			run := func(n int, f func()) {
				release := make(chan struct{})
				for range n {
					p.Go(task(func() {
						f()
						<-release
					}))
				}
				synctest.Wait()
				close(release)
				synctest.Wait()
			}
			var mu sync.Mutex // guards old
			old := make(map[string]bool)
			run(test.tasks, func() {
				mu.Lock()
				defer mu.Unlock()
				old[goroutine()] = true
			})
			run(test.tasks, func() {
				mu.Lock()
				defer mu.Unlock()
				if old[goroutine()] {
					kept.Add(1)
				}
			})
			if got := int(kept.Load()); got != test.want {
				t.Errorf("Idle %d, %d tasks: %d goroutines were kept, want %d", test.idle, test.tasks, got, test.want)
			}
			p.Close()
		})
	}
}

func TestPool_CloseWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p workers.Pool
		var ended atomic.Int64
		for i := range 5 {
			p.Go(task(func() {
				time.Sleep(time.Duration(i) * time.Second)
				ended.Add(1)
			}))
		}
		start := time.Now()
		p.Close()
		if got := ended.Load(); got != 5 {
			t.Errorf("Close returns when %d of 5 tasks have ended", got)
		}
		if took := time.Since(start); took != 4*time.Second {
			t.Errorf("Close takes %v, want 4s", took)
		}
		// The bubble's end would fail if a worker were left.
	})
}

func TestPool_CloseOfAnUnusedPool(*testing.T) {
	var p workers.Pool
	p.Close()
}

func TestPool_CloseTwice(*testing.T) {
	var p workers.Pool
	p.Go(task(func() {}))
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(p.Close)
	}
	wg.Wait()
}

// TestPool_TasksStartTasks has tasks that start further ones, from many goroutines.
func TestPool_TasksStartTasks(t *testing.T) {
	p := workers.Pool{Idle: 4}
	var ran atomic.Int64
	var all sync.WaitGroup
	var spread func(depth int) task
	spread = func(depth int) task {
		return func() {
			defer all.Done()
			ran.Add(1)
			if depth > 0 {
				all.Add(2)
				p.Go(spread(depth - 1))
				p.Go(spread(depth - 1))
			}
		}
	}
	all.Add(4)
	var starters sync.WaitGroup
	for range 4 {
		starters.Go(func() { p.Go(spread(8)) })
	}
	starters.Wait()
	all.Wait()
	p.Close()
	if got, want := ran.Load(), int64(4*(1<<9-1)); got != want {
		t.Errorf("%d tasks ran, want %d", got, want)
	}
}

func BenchmarkPool_Go(b *testing.B) {
	var p workers.Pool
	var wg sync.WaitGroup
	done := task(wg.Done)
	b.ReportAllocs()
	for b.Loop() {
		wg.Add(1)
		p.Go(done)
		wg.Wait()
	}
	p.Close()
}
