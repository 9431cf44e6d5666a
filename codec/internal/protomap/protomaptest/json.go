package protomaptest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/protomicro/micro/codec/internal/protomap"
)

func parseJSON(t *testing.T, text []byte) any {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// likeJSON returns where a value differs from what JSON has for it, or "". JSON has texts for integers of 64 bits, binary,
// dates, infinities and the keys of maps.
func likeJSON(want, got any) string {
	differs := fmt.Sprintf(": %v (%T), want %v", got, got, want)
	switch want := want.(type) {
	case map[string]any:
		return mapLikeJSON(want, got)
	case []any:
		list, ok := got.([]any)
		if !ok || len(list) != len(want) {
			return differs
		}
		for i := range want {
			if where := likeJSON(want[i], list[i]); where != "" {
				return "[" + strconv.Itoa(i) + "]" + where
			}
		}
		return ""
	case json.Number:
		if numberLikeJSON(want.String(), got) {
			return ""
		}
	case string:
		if textLikeJSON(want, got) {
			return ""
		}
	default: // nil and bool
		if want == got {
			return ""
		}
	}
	return differs
}

func mapLikeJSON(want map[string]any, got any) string {
	entries, ok := got.(map[any]any)
	if !ok || len(entries) != len(want) {
		return fmt.Sprintf(": %v (%T), want %v", got, got, want)
	}
	for key, v := range entries {
		name := fmt.Sprint(key)
		of, ok := want[name]
		if !ok {
			return "[" + name + "], which should not be there"
		}
		if where := likeJSON(of, v); where != "" {
			return "." + name + where
		}
	}
	return ""
}

func numberLikeJSON(want string, got any) bool {
	switch got := got.(type) {
	case float64:
		f, err := strconv.ParseFloat(want, 64)
		return err == nil && (f == got || float32(f) == float32(got)) // what was a float32 has few digits
	case float32:
		f, err := strconv.ParseFloat(want, 32)
		return err == nil && float32(f) == got
	case int32, int64, uint64:
		return fmt.Sprint(got) == want
	}
	return false
}

func textLikeJSON(want string, got any) bool {
	switch got := got.(type) {
	case string:
		return got == want
	case []byte:
		return base64.StdEncoding.EncodeToString(got) == want
	case time.Time:
		return protomap.FormatDate(got.Unix(), int32(got.Nanosecond())) == want
	case float32:
		return textLikeJSON(want, float64(got))
	case float64:
		switch want {
		case "NaN":
			return math.IsNaN(got)
		case "Infinity":
			return math.IsInf(got, 1)
		case "-Infinity":
			return math.IsInf(got, -1)
		}
		return false
	}
	return fmt.Sprint(got) == want // an integer of 64 bits
}
