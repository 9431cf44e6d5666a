package connectformat_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/compress"
	"github.com/protomicro/micro/codec/connectformat"
	"github.com/protomicro/micro/codec/jsoncodec"
	"github.com/protomicro/micro/codec/protocodec"
	"github.com/protomicro/micro/transport"
	"github.com/protomicro/micro/transport/httptransport"
)

func TestFormat_Compresses(t *testing.T) {
	gz := compress.Gzip()
	long := `"` + strings.Repeat("x", 5000) + `"`
	packed, err := gz.Compress(nil, []byte(long))
	if err != nil {
		t.Fatal(err)
	}
	bomb, err := gz.Compress(nil, []byte(`"`+strings.Repeat("x", 20000)+`"`))
	if err != nil {
		t.Fatal(err)
	}
	gzipped := with("Content-Encoding", "gzip")
	for name, row := range map[string]struct {
		change   func(*transport.Request)
		body     string
		status   int
		encoding string // of the response
	}{
		"request":             {gzipped, string(packed), 200, "gzip"},
		"small":               {with("Accept-Encoding", "gzip"), `"x"`, 200, ""},
		"response":            {with("Accept-Encoding", "br, gzip;q=0.5"), long, 200, "gzip"},
		"best that is known":  {with("Accept-Encoding", "snappy,zstd"), long, 200, "zstd"},
		"refused":             {with("Accept-Encoding", "gzip; q=0"), long, 200, ""},
		"not asked":           {nil, long, 200, ""},
		"empty":               {gzipped, "", 400, ""},
		"not what it says":    {gzipped, long, 400, ""},
		"bomb":                {gzipped, string(bomb), 429, ""},
		"unknown compression": {with("Content-Encoding", "br"), long, 501, ""},
	} {
		x := newExchange(unaryJSON, row.body)
		if row.change != nil {
			row.change(&x.req)
		}
		cfg := config(10000)
		cfg.Compression.Accept = compress.All()
		connectformat.Format{}.Serve(t.Context(), x, echo{}, cfg)
		if got := x.header.Get("Content-Encoding"); x.status != row.status || got != row.encoding {
			t.Errorf("%s: got %d, encoding %q, %.80q", name, x.status, got, x.String())
			continue
		}
		body := x.Bytes()
		if row.encoding != "" {
			if body, err = cfg.Compression.Accept.Find(row.encoding).Decompress(nil, body, 10000); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if row.status == 200 && row.body != `"x"` && string(body) != long {
			t.Errorf("%s: %d bytes", name, len(body))
		}
	}
}

// TestFormat_Get makes calls of a method without side effects, whose requests fit into a URL or do not.
func TestFormat_Get(t *testing.T) {
	seen := make(chan string, 1)
	cfg := config(1 << 20)
	cfg.Compression.Accept = compress.All()
	l := serve(t, &httptransport.Server{Handler: verbs(handler(echo{}, cfg), seen)}, nil)
	for _, c := range []codec.Codec{protocodec.Codec{}, jsoncodec.Codec{}} {
		for _, compression := range []codec.Compression{{}, {Accept: compress.All(), Send: "gzip", MinBytes: 1}} {
			conn := connectformat.Format{Get: true}.Dial(&httptransport.Client{Dial: l.dial, Host: "localhost"}, codec.Config{Compression: compression})
			for text, verb := range map[string]string{"": "GET", "a+b c/ü&=%": "GET", strings.Repeat("x", 5000): "POST"} {
				if compression.Send != "" {
					verb = "GET" // it is short then
				}
				s, err := conn.Open(t.Context(), &codec.Call{Method: "a.B/C", Codec: c, NoSideEffects: true})
				if err != nil {
					t.Fatal(err)
				}
				err = s.Finish(wrapperspb.String(text), nil)
				res := new(wrapperspb.StringValue)
				if err == nil {
					err = s.Recv(res)
				}
				if got := <-seen; err != nil || res.GetValue() != text || got != verb {
					t.Errorf("%s, %.10q: %s, got %.10q, %v", c.Name(), text, got, res.GetValue(), err)
				}
				_ = s.Close()
			}
			_ = conn.Close()
		}
	}
}
