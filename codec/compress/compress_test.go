package compress_test

import (
	"bytes"
	"compress/gzip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/compress"
	"github.com/protomicro/micro/internal/leakcheck"
	"github.com/protomicro/micro/status"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

func each(t *testing.T, f func(t *testing.T, c codec.Compressor)) {
	t.Helper()
	for _, c := range compress.All() {
		t.Run(c.Name(), func(t *testing.T) { f(t, c) })
	}
}

func TestCompressor_RoundTrip(t *testing.T) {
	each(t, func(t *testing.T, c codec.Compressor) {
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for n := range 200 {
					want := strings.Repeat(string(rune('a'+i)), n*n)
					packed, err := c.Compress([]byte("head"), []byte(want))
					if err != nil || !bytes.HasPrefix(packed, []byte("head")) {
						t.Errorf("Compress: %v", err)
						return
					}
					got, err := c.Decompress([]byte("other"), packed[4:], len(want))
					if err != nil || string(got) != "other"+want {
						t.Errorf("Decompress: %d bytes, %v, want %d", len(got), err, len(want)+5)
						return
					}
				}
			})
		}
		wg.Wait()
	})
}

func TestCompressor_StopsAtTheLimit(t *testing.T) {
	each(t, func(t *testing.T, c codec.Compressor) {
		packed, err := c.Compress(nil, make([]byte, 1001))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.Decompress(nil, packed, 1000); status.CodeOf(err) != status.ResourceExhausted || len(got) != 0 {
			t.Errorf("one byte more than the limit: %d bytes, %v, want ResourceExhausted", len(got), err)
		}
	})
}

func TestCompressor_DamagedInput(t *testing.T) {
	each(t, func(t *testing.T, c codec.Compressor) {
		good, err := c.Compress(nil, bytes.Repeat([]byte("some text "), 100))
		if err != nil {
			t.Fatal(err)
		}
		for name, bad := range map[string][]byte{
			"garbage": []byte("this was never compressed"),
			"header":  []byte("\x1f\x8b\x08\x17000000\x00\x00"),
			"cut":     good[:len(good)-5],
			"flipped": append(bytes.Clone(good[:len(good)/2]), append([]byte{^good[len(good)/2]}, good[len(good)/2+1:]...)...),
		} {
			if got, err := c.Decompress([]byte("x"), bad, 1<<20); status.CodeOf(err) != status.InvalidArgument || string(got) != "x" {
				t.Errorf("%s: got %q, %v, want InvalidArgument", name, got, err)
			}
		}
		if got, err := c.Decompress(nil, good, 1<<20); err != nil || len(got) != 1000 {
			t.Errorf("after damaged input: %d bytes, %v", len(got), err)
		}
	})
}

// TestGzip_Bomb has 10 MiB that hold 10 GiB.
func TestGzip_Bomb(t *testing.T) {
	const limit = 4 << 20
	var member bytes.Buffer
	w, err := gzip.NewWriterLevel(&member, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(make([]byte, 64<<20)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	bomb := bytes.Repeat(member.Bytes(), 160)

	gz := compress.Gzip()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	_, err = gz.Decompress(nil, bomb, limit)
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	if status.CodeOf(err) != status.ResourceExhausted {
		t.Errorf("got %v, want ResourceExhausted", err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 16<<20 {
		t.Errorf("a bomb of %d bytes cost %d bytes, with a limit of %d", len(bomb), used, limit)
	}
	t.Logf("%d bytes stopped after %v", len(bomb), took)
}

func FuzzDecompress(f *testing.F) {
	for _, c := range compress.All() {
		packed, err := c.Compress(nil, []byte("some text"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(packed)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		for _, c := range compress.All() {
			got, err := c.Decompress(nil, src, 1000)
			if len(got) > 1000 {
				t.Errorf("%s: %d bytes", c.Name(), len(got))
			}
			if code := status.CodeOf(err); code != status.OK && code != status.InvalidArgument && code != status.ResourceExhausted {
				t.Errorf("%s: %v", c.Name(), err)
			}
		}
	})
}
