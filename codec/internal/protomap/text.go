package protomap

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"
)

const (
	firstSecond = -62135596800 // of the year 1
	lastSecond  = 253402300799 // of the year 9999
	maxSeconds  = 315576000000 // of a Duration, about 10,000 years
	maxNanos    = 999999999
)

func checkDate(seconds int64, nanos int32) error {
	if seconds < firstSecond || seconds > lastSecond || nanos < 0 || nanos > maxNanos {
		return fmt.Errorf("a time of %d s and %d ns, outside of the years 1 to 9999", seconds, nanos)
	}
	return nil
}

// FormatDate returns a time since the Unix epoch as RFC 3339 writes it in UTC, with 0, 3, 6 or 9 digits after the second.
func FormatDate(seconds int64, nanos int32) string {
	text := time.Unix(seconds, int64(nanos)).UTC().Format("2006-01-02T15:04:05.000000000")
	return trimThousands(text, ".000") + "Z"
}

// parseDate reads what RFC 3339 writes, with up to 9 digits after the second.
func parseDate(text []byte) (seconds int64, nanos int32, err error) {
	var t time.Time
	if err := t.UnmarshalText(text); err != nil || bytes.IndexByte(text, ',') >= 0 {
		return 0, 0, fmt.Errorf("%s is no time of RFC 3339", quote(text))
	}
	if _, fraction, ok := strings.Cut(string(text), "."); ok {
		if strings.IndexAny(fraction, "Zz+-") > 9 {
			return 0, 0, fmt.Errorf("%s is more exact than a nanosecond", quote(text))
		}
	}
	nanos = int32(t.Nanosecond()) //nolint:gosec // below 1e9
	return t.Unix(), nanos, checkDate(t.Unix(), nanos)
}

// trimThousands removes groups of three zeros from the end of a fraction, the last one with its point.
func trimThousands(text, point string) string {
	text = strings.TrimSuffix(text, "000")
	text = strings.TrimSuffix(text, "000")
	return strings.TrimSuffix(text, point)
}

func checkDuration(seconds int64, nanos int32) error {
	if seconds < -maxSeconds || seconds > maxSeconds || nanos < -maxNanos || nanos > maxNanos {
		return fmt.Errorf("a duration of %d s and %d ns, longer than 10,000 years", seconds, nanos)
	}
	if seconds < 0 && nanos > 0 || seconds > 0 && nanos < 0 {
		return fmt.Errorf("a duration of %d s and %d ns, whose signs differ", seconds, nanos)
	}
	return nil
}

// formatDuration returns seconds with 0, 3, 6 or 9 digits behind the point, and an s: "-1.500s".
func formatDuration(seconds int64, nanos int32) string {
	sign := ""
	if seconds < 0 || nanos < 0 {
		sign, seconds, nanos = "-", -seconds, -nanos
	}
	return trimThousands(fmt.Sprintf("%s%d.%09d", sign, seconds, nanos), ".000") + "s"
}

func parseDuration(text []byte) (seconds int64, nanos int32, err error) {
	malformed := fmt.Errorf("%s is no duration such as %q", quote(text), "1.5s")
	number, ok := strings.CutSuffix(string(text), "s")
	number, negative := strings.CutPrefix(number, "-")
	whole, fraction, point := strings.Cut(number, ".")
	if !ok || !isDigits(whole) || point && (!isDigits(fraction) || len(fraction) > 9) {
		return 0, 0, malformed
	}
	seconds, err = strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return 0, 0, malformed
	}
	if point {
		n, err := strconv.ParseInt((fraction + "000000000")[:9], 10, 32)
		if err != nil {
			return 0, 0, malformed
		}
		nanos = int32(n)
	}
	if negative {
		seconds, nanos = -seconds, -nanos
	}
	return seconds, nanos, checkDuration(seconds, nanos)
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// formatMask returns the paths of a FieldMask in lowerCamelCase, parted by commas.
func formatMask(paths protoreflect.List) (string, error) {
	var b strings.Builder
	for i := range paths.Len() {
		path := paths.Get(i).String()
		camel := camelCase(path)
		if !protoreflect.FullName(path).IsValid() || snakeCase(camel) != path {
			return "", inElement(i, fmt.Errorf("the path %s cannot be written in lowerCamelCase", quote([]byte(path))))
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(camel)
	}
	return b.String(), nil
}

func parseMask(text []byte, paths protoreflect.List) error {
	if len(text) == 0 {
		return nil
	}
	for path := range strings.SplitSeq(string(text), ",") {
		snake := snakeCase(path)
		if strings.Contains(path, "_") || !protoreflect.FullName(snake).IsValid() {
			return fmt.Errorf("%s is no path of fields", quote([]byte(path)))
		}
		paths.Append(protoreflect.ValueOfString(snake))
	}
	return nil
}

func camelCase(snake string) string {
	out := make([]byte, 0, len(snake))
	upper := false
	for _, c := range []byte(snake) {
		if c == '_' {
			upper = true
			continue
		}
		if upper && c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		upper = false
		out = append(out, c)
	}
	return string(out)
}

func snakeCase(camel string) string {
	out := make([]byte, 0, len(camel)+8)
	for _, c := range []byte(camel) {
		if c >= 'A' && c <= 'Z' {
			out = append(out, '_')
			c += 'a' - 'A'
		}
		out = append(out, c)
	}
	return string(out)
}
