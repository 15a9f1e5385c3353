import java.io.*;
import java.nio.charset.StandardCharsets;
import java.time.*;
import java.time.format.*;
import java.time.temporal.*;
import java.util.*;

/**
 * Answers what java.time makes of date patterns, in the week rules of the given locale (US or GB).
 * Each line, tab-separated: "F locale pattern date" prints an ISO date; "P locale pattern text" reads a text, missing parts of
 * the day being the first and the start, UTC without a zone; "R locale pattern text" prints again what "P" reads;
 * "L zone date-time" is a local time in a zone.
 */
public class JavaDates {
    static DateTimeFormatter formatter(String locale, String pattern) {
        return DateTimeFormatter.ofPattern(pattern, locale.equals("GB") ? Locale.UK : Locale.US);
    }

    static int part(TemporalAccessor read, TemporalField field, int otherwise) {
        return read.isSupported(field) ? read.get(field) : otherwise;
    }

    static ZonedDateTime complete(TemporalAccessor read) {
        LocalDate day = read.query(TemporalQueries.localDate());
        if (day == null) {
            int year = part(read, ChronoField.YEAR, part(read, ChronoField.YEAR_OF_ERA, Integer.MIN_VALUE));
            if (year == Integer.MIN_VALUE) throw new DateTimeException("no year");
            int month = part(read, ChronoField.MONTH_OF_YEAR, read.isSupported(IsoFields.QUARTER_OF_YEAR) ? 3 * read.get(IsoFields.QUARTER_OF_YEAR) - 2 : 1);
            day = LocalDate.of(year, month, part(read, ChronoField.DAY_OF_MONTH, 1));
        }
        LocalTime time = read.query(TemporalQueries.localTime());
        if (time == null) {
            int hour = part(read, ChronoField.HOUR_OF_DAY, part(read, ChronoField.HOUR_OF_AMPM, 0) + 12 * part(read, ChronoField.AMPM_OF_DAY, 0));
            time = LocalTime.of(hour, part(read, ChronoField.MINUTE_OF_HOUR, 0), part(read, ChronoField.SECOND_OF_MINUTE, 0), part(read, ChronoField.NANO_OF_SECOND, 0));
        }
        ZoneId zone = read.query(TemporalQueries.zone());
        return ZonedDateTime.of(day, time, zone == null ? ZoneOffset.UTC : zone);
    }

    static String answer(String[] parts) {
        switch (parts[0]) {
            case "F":
                return formatter(parts[1], parts[2]).format(ZonedDateTime.parse(parts[3]));
            case "P":
                return DateTimeFormatter.ISO_OFFSET_DATE_TIME.format(complete(formatter(parts[1], parts[2]).parse(parts[3])));
            case "R":
                return formatter(parts[1], parts[2]).format(complete(formatter(parts[1], parts[2]).parse(parts[3])));
            default:
                return DateTimeFormatter.ISO_OFFSET_DATE_TIME.format(ZonedDateTime.of(LocalDateTime.parse(parts[2]), ZoneId.of(parts[1])));
        }
    }

    public static void main(String[] arguments) throws IOException {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(new FileOutputStream(FileDescriptor.out), false, "UTF-8");
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            try {
                out.println("=" + answer(line.split("\t", -1)));
            } catch (DateTimeParseException error) {
                out.println("-" + error.getMessage().replace("\n", " "));
            } catch (DateTimeException error) {
                out.println("-" + error.getMessage().replace("\n", " "));
            } catch (IllegalArgumentException error) {
                out.println("!" + error.getMessage().replace("\n", " "));
            }
        }
        out.flush();
    }
}
