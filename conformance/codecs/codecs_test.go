// Package codecs_test holds our encodings against other people's.
package codecs_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/structpb"
)

// values returns values of every kind, and random ones made of them.
func values(t *testing.T) []*structpb.Value {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2)) // the same ones each time
	all := make([]*structpb.Value, 0, 600)
	for range cap(all) {
		v, err := structpb.NewValue(random(r, 4))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	return all
}

func random(r *rand.Rand, depth int) any {
	switch n := r.IntN(9); {
	case n == 0:
		return nil
	case n == 1:
		return r.IntN(2) == 0
	case n == 2:
		return r.NormFloat64() * 1e9
	case n == 3:
		return float64(r.Int64N(1 << 53))
	case n == 4:
		return -float64(r.IntN(1 << 17))
	case n == 5 || depth == 0:
		return strings.Repeat("aß€😀", r.IntN(100))
	case n == 6:
		list := make([]any, r.IntN(20))
		for i := range list {
			list[i] = random(r, depth-1)
		}
		return list
	}
	fields := make(map[string]any)
	for range r.IntN(20) {
		fields[strings.Repeat("k", r.IntN(40))] = random(r, depth-1)
	}
	return fields
}
