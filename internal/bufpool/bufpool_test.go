package bufpool_test

import (
	"testing"

	"github.com/protomicro/micro/internal/bufpool"
)

func Test_RoomIsEnoughAndNotMuchMore(t *testing.T) {
	for n := 0; n < 5<<20; n += 1 + n/7 {
		for range 2 { // fresh, then reused
			b := bufpool.Get(n)
			if len(b.B) != 0 || cap(b.B) < n {
				t.Fatalf("Get(%d): len %d, cap %d", n, len(b.B), cap(b.B))
			}
			if limit := max(256, n+n/4+1); cap(b.B) > limit {
				t.Fatalf("Get(%d): cap %d, want at most %d", n, cap(b.B), limit)
			}
			b.B = append(b.B, make([]byte, n)...)
			bufpool.Put(b)
		}
	}
}

func Test_TakesBackBuffersThatGrew(t *testing.T) {
	for n := 1; n < 1<<20; n += 1 + n/5 {
		b := bufpool.Get(n)
		b.B = append(b.B[:cap(b.B)], make([]byte, n/3+1)...) // any capacity that append chooses
		bufpool.Put(b)
		if b := bufpool.Get(n); cap(b.B) < n {
			t.Fatalf("Get(%d) after a grown buffer came back: cap %d", n, cap(b.B))
		}
	}
}
