// The two JVM evaluators on one model: `java -cp JARS Peers.java jpmml|pmml4s MODEL ROWS SECONDS`.
// Prints rows a second in batch, the median of one row in microseconds, and the time to load in milliseconds.

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jpmml.evaluator.Evaluator;
import org.jpmml.evaluator.LoadingModelEvaluatorBuilder;

public class Peers {
    public static void main(String[] arguments) throws Exception {
        Path model = Path.of(arguments[1]);
        List<String> lines = Files.readAllLines(Path.of(arguments[2]));
        String[] names = lines.get(0).split(",");
        List<Double[]> rows = new ArrayList<>();
        for (String line : lines.subList(1, lines.size())) {
            String[] cells = line.split(",", -1);
            Double[] row = new Double[names.length];
            for (int i = 0; i < names.length; i++) {
                row[i] = cells[i].isEmpty() ? null : Double.valueOf(cells[i]);
            }
            rows.add(row);
        }
        double seconds = Double.parseDouble(arguments[3]);
        long start = System.nanoTime();
        if (arguments[0].equals("jpmml")) {
            Evaluator evaluator = new LoadingModelEvaluatorBuilder().load(new File(model.toString())).build();
            long loaded = System.nanoTime() - start;
            List<Map<String, Object>> prepared = new ArrayList<>();
            for (Double[] row : rows) {
                Map<String, Object> values = new HashMap<>();
                for (int i = 0; i < names.length; i++) {
                    values.put(names[i], row[i]);
                }
                prepared.add(values);
            }
            measure(prepared, evaluator::evaluate, seconds, loaded);
        } else {
            org.pmml4s.model.Model evaluator = org.pmml4s.model.Model.fromFile(model.toString());
            long loaded = System.nanoTime() - start;
            List<String> order = Arrays.asList(evaluator.inputNames());
            List<Object[]> prepared = new ArrayList<>();
            for (Double[] row : rows) {
                Object[] values = new Object[order.size()];
                for (int i = 0; i < names.length; i++) {
                    values[order.indexOf(names[i])] = row[i];
                }
                prepared.add(values);
            }
            measure(prepared, evaluator::predict, seconds, loaded);
        }
    }

    static <R> void measure(List<R> rows, Consumer<R> score, double seconds, long loaded) {
        pass(rows, score, seconds);
        double rate = 0;
        for (int round = 0; round < 3; round++) {
            rate = Math.max(rate, pass(rows, score, seconds));
        }
        long[] times = new long[Math.min(rows.size(), 5_000)];
        for (int i = 0; i < times.length; i++) {
            long start = System.nanoTime();
            score.accept(rows.get(i));
            times[i] = System.nanoTime() - start;
        }
        Arrays.sort(times);
        System.out.printf("%.0f %.2f %.0f%n", rate, times[times.length / 2] / 1e3, loaded / 1e6);
    }

    static <R> double pass(List<R> rows, Consumer<R> score, double seconds) {
        long start = System.nanoTime();
        long done = 0;
        while (System.nanoTime() - start < seconds * 1e9) {
            for (int i = 0; i < 256; i++) {
                score.accept(rows.get((int) (done++ % rows.size())));
            }
        }
        return done / ((System.nanoTime() - start) / 1e9);
    }
}
