package workers_test

import (
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/protomicro/micro/internal/workers"
)

func TestLoop_RunsShortTasksItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p workers.Pool
		defer p.Close()
		var pace workers.Pace
		l := p.NewLoop(func() { t.Error("the loop went on elsewhere") })
		here := goroutine()
		for i := range 1000 {
			where := ""
			if !l.Run(task(func() { where = goroutine() }), &pace) || where != here {
				t.Fatalf("task %d ran on %s, not on %s", i, where, here)
			}
			time.Sleep(time.Duration(i) * time.Microsecond) // the watcher sees some loops at rest
		}
	})
}

// TestLoop_GoesOnElsewhere has a task wait for what only the loop can do after it.
func TestLoop_GoesOnElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p workers.Pool
		defer p.Close()
		var pace workers.Pace
		release, moved := make(chan struct{}), 0
		var l *workers.Loop
		l = p.NewLoop(func() {
			moved++
			for i := range 64 { // what has held the loop up does not run on it for a while
				here, where, ran := goroutine(), "", make(chan struct{})
				if !l.Run(task(func() { where = goroutine(); close(ran) }), &pace) {
					t.Errorf("task %d: the loop went on elsewhere again", i)
				}
				if <-ran; (where == here) != (i == 63) {
					t.Errorf("task %d ran on %s, and the loop on %s", i, where, here)
				}
			}
			close(release)
		})
		start := time.Now()
		if l.Run(task(func() { <-release }), &pace) {
			t.Error("Run says that the caller still owns the loop")
		}
		if d := time.Since(start); moved != 1 || d > 2*time.Millisecond {
			t.Errorf("the loop went on %d times elsewhere, after %v", moved, d)
		}
	})
}

// TestLoop_LeavesLongTasksToOthers has tasks of 100 µs, which is too short to hold the loop up.
func TestLoop_LeavesLongTasksToOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p workers.Pool
		defer p.Close()
		var pace workers.Pace
		l := p.NewLoop(func() { t.Error("the loop went on elsewhere") })
		here, own := goroutine(), 0
		for range 10000 {
			l.Run(task(func() {
				if goroutine() == here {
					own++
				}
				time.Sleep(100 * time.Microsecond)
			}), &pace)
			synctest.Wait()
		}
		if own == 0 || own > 20 {
			t.Errorf("the loop ran %d of 10000 long tasks itself, want a few, to notice when they become short", own)
		}
		for range 5000 {
			own = 0
			l.Run(task(func() {
				if goroutine() == here {
					own++
				}
			}), &pace)
			synctest.Wait()
		}
		if own != 1 {
			t.Error("tasks that have become short do not run on the loop again")
		}
	})
}

func TestLoop_SurvivesATaskThatEndsTheGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p workers.Pool
		defer p.Close()
		var pace workers.Pace
		next := make(chan string, 2)
		l := p.NewLoop(func() { next <- goroutine() })
		ended := make(chan string, 1)
		go func() {
			defer func() { ended <- goroutine() }()
			l.Run(task(runtime.Goexit), &pace)
		}()
		if was, is := <-ended, <-next; was == is {
			t.Errorf("the loop is now on %s, which has ended", is)
		}
		time.Sleep(time.Second)
		if len(next) > 0 {
			t.Error("the loop went on twice")
		}
	})
}
