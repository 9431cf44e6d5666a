package grpcformat

import (
	"math"
	"strconv"
	"time"

	"github.com/protomicro/micro/status"
)

const (
	timeoutDigits = 8
	timeoutMost   = 99_999_999 // what so many digits can say
)

// A timeUnit is a unit of "grpc-timeout".
type timeUnit struct {
	letter byte
	nanos  int64
}

// timeUnits returns the units, the finest first.
func timeUnits() [6]timeUnit {
	return [...]timeUnit{
		{'n', 1},
		{'u', int64(time.Microsecond)},
		{'m', int64(time.Millisecond)},
		{'S', int64(time.Second)},
		{'M', int64(time.Minute)},
		{'H', int64(time.Hour)},
	}
}

// formatTimeout returns d in the finest unit that says it in eight digits: rounded down, but never to nothing.
func formatTimeout(d time.Duration) string {
	nanos := max(int64(d), 1)
	text := make([]byte, 0, timeoutDigits+1)
	for _, unit := range timeUnits() {
		if n := nanos / unit.nanos; n <= timeoutMost {
			return string(append(strconv.AppendInt(text, n, 10), unit.letter))
		}
	}
	return "99999999H" // 11,000 years; no Duration is that long
}

// parseTimeout returns what s stands for: at least a nanosecond, since a timeout of 0 has passed when it arrives, and at
// most the longest Duration.
func parseTimeout(s string) (time.Duration, error) {
	last := len(s) - 1
	if last < 1 || last > timeoutDigits {
		return 0, errTimeout(s)
	}
	n, err := strconv.ParseInt(s[:last], 10, 32)
	if err != nil || s[0] < '0' {
		return 0, errTimeout(s)
	}
	for _, unit := range timeUnits() {
		if unit.letter == s[last] {
			return time.Duration(max(min(n, math.MaxInt64/unit.nanos)*unit.nanos, 1)), nil
		}
	}
	return 0, errTimeout(s)
}

func errTimeout(s string) error {
	return status.Errorf(status.Internal,
		"grpc-timeout %.32q is not a number of at most %d digits with one of the units n, u, m, S, M and H", s, timeoutDigits)
}
