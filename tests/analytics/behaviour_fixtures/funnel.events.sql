SELECT other, labels, period, finalizeAggregation(state_0), finalizeAggregation(state_1), finalizeAggregation(state_2), finalizeAggregation(state_3), finalizeAggregation(state_4)
FROM
(
SELECT 0 AS other, 1 AS place, labels, period, bucket, state_0, state_1, state_2, state_3, state_4
FROM
(
SELECT
    0 AS period,
    emptyArrayString() AS labels,
    0 AS bucket,
    sumForEachState(arrayWithConstant(length(times), toUInt64(1))) AS state_0,
    quantileExactInclusiveForEachState(0.5)(taken) AS state_1,
    avgForEachState(taken) AS state_2,
    quantileExactInclusiveState(0.5)(if(length(times) = 3, times[-1] - times[1], NULL)) AS state_3,
    avgState(if(length(times) = 3, times[-1] - times[1], NULL)) AS state_4
FROM
(
    SELECT times, arrayPopFront(arrayDifference(times)) AS taken, carried
    FROM
    (
SELECT times, [] AS carried
FROM
(
    SELECT arraySlice([multiIf(followed.3 > 0 AND followed.4 < 3, followed.3, followed.2 > 0 AND followed.4 < 2, followed.2, followed.1 > 0 AND followed.4 < 1, followed.1, followed.5) AS step_1, if(reached < 2, 0, toInt64(bitShiftRight(arrayFirst(instant -> bitTest(instant, 1) AND toInt64(bitShiftRight(instant, 20)) > step_1, instants), 20))) AS step_2, if(reached < 3, 0, toInt64(bitShiftRight(arrayFirst(instant -> bitTest(instant, 2) AND toInt64(bitShiftRight(instant, 20)) > step_2, instants), 20))) AS step_3], 1, multiIf(followed.3 > 0 AND followed.4 < 3, toInt64(3), followed.2 > 0 AND followed.4 < 2, toInt64(2), followed.1 > 0 AND followed.4 < 1, toInt64(1), followed.4) AS reached) AS times
    FROM
    (
        SELECT if(
            length(arrayCompact(arrayMap(instant -> bitShiftRight(instant, 20), seen_at))) = length(seen_at),
            seen_at,
            arrayMap(
                at_once -> arrayReduce('groupBitOr', at_once),
                arraySplit(
                    (instant, since) -> since != 0,
                    seen_at,
                    arrayDifference(arrayMap(instant -> bitShiftRight(instant, 20), seen_at))))) AS instants, arrayFold((so_far, instant) -> (multiIf(bitTest(instant, 0), toInt64(bitShiftRight(instant, 20)), ((bitTest(instant, 1) AND so_far.1 > 0 AND toInt64(bitShiftRight(instant, 20)) - so_far.1 <= {v10:Int64}) OR bitTest(instant, 10)), toInt64(0), so_far.1), multiIf((bitTest(instant, 1) AND so_far.1 > 0 AND toInt64(bitShiftRight(instant, 20)) - so_far.1 <= {v10:Int64}), so_far.1, ((bitTest(instant, 2) AND so_far.2 > 0 AND toInt64(bitShiftRight(instant, 20)) - so_far.2 <= {v10:Int64}) OR bitTest(instant, 11)), toInt64(0), so_far.2), multiIf((bitTest(instant, 2) AND so_far.2 > 0 AND toInt64(bitShiftRight(instant, 20)) - so_far.2 <= {v10:Int64}), so_far.2, (0 OR bitTest(instant, 12)), toInt64(0), so_far.3), multiIf(so_far.3 > 0 AND so_far.4 < 3, toInt64(3), so_far.2 > 0 AND so_far.4 < 2, toInt64(2), so_far.1 > 0 AND so_far.4 < 1, toInt64(1), so_far.4), multiIf(so_far.3 > 0 AND so_far.4 < 3, so_far.3, so_far.2 > 0 AND so_far.4 < 2, so_far.2, so_far.1 > 0 AND so_far.4 < 1, so_far.1, so_far.5)), instants, (toInt64(0), toInt64(0), toInt64(0), toInt64(0), toInt64(0))) AS followed
        FROM
        (
            SELECT
                seen.session_id AS subject,
                arraySort(groupArray(bitOr(bitShiftLeft(toUInt64(toUnixTimestamp64Milli(seen.created_at)), 20), toUInt64((toUInt32(0)) * 1024 + toUInt32((seen.name = {v0:String} AND seen.created_at < fromUnixTimestamp64Milli({v5:Int64}, 'UTC'))) * 1 + toUInt32((seen.name = {v1:String} AND (seen.path IN {v2:Array(String)}))) * 2 + toUInt32((seen.name NOT IN ('session_start', 'session_end') AND (seen.properties[{v3:String}] IN {v4:Array(String)}))) * 4)))) AS seen_at
            FROM events AS seen
WHERE seen.project_id = {project:String}
    AND toDate(seen.created_at) >= {v6:Date}
    AND seen.created_at >= fromUnixTimestamp64Milli({v7:Int64}, 'UTC')
    AND toDate(seen.created_at) <= {v8:Date}
    AND seen.created_at < fromUnixTimestamp64Milli({v9:Int64}, 'UTC')
    AND ((seen.name = {v0:String} AND seen.created_at < fromUnixTimestamp64Milli({v5:Int64}, 'UTC')) OR (seen.name = {v1:String} AND (seen.path IN {v2:Array(String)})) OR (seen.name NOT IN ('session_start', 'session_end') AND (seen.properties[{v3:String}] IN {v4:Array(String)})))
    AND seen.session_id != 0
            GROUP BY subject
        )
    )
)
WHERE notEmpty(times)
    )
)
GROUP BY labels
UNION ALL
SELECT
    1 AS period,
    emptyArrayString() AS labels,
    0 AS bucket,
    sumForEachState(arrayWithConstant(length(times), toUInt64(1))) AS state_0,
    quantileExactInclusiveForEachState(0.5)(taken) AS state_1,
    avgForEachState(taken) AS state_2,
    quantileExactInclusiveState(0.5)(if(length(times) = 3, times[-1] - times[1], NULL)) AS state_3,
    avgState(if(length(times) = 3, times[-1] - times[1], NULL)) AS state_4
FROM
(
    SELECT times, arrayPopFront(arrayDifference(times)) AS taken, carried
    FROM
    (
SELECT times, [] AS carried
FROM
(
    SELECT arraySlice([multiIf(followed.3 > 0 AND followed.4 < 3, followed.3, followed.2 > 0 AND followed.4 < 2, followed.2, followed.1 > 0 AND followed.4 < 1, followed.1, followed.5) AS step_1, if(reached < 2, 0, toInt64(bitShiftRight(arrayFirst(instant -> bitTest(instant, 1) AND toInt64(bitShiftRight(instant, 20)) > step_1, instants), 20))) AS step_2, if(reached < 3, 0, toInt64(bitShiftRight(arrayFirst(instant -> bitTest(instant, 2) AND toInt64(bitShiftRight(instant, 20)) > step_2, instants), 20))) AS step_3], 1, multiIf(followed.3 > 0 AND followed.4 < 3, toInt64(3), followed.2 > 0 AND followed.4 < 2, toInt64(2), followed.1 > 0 AND followed.4 < 1, toInt64(1), followed.4) AS reached) AS times
    FROM
    (
        SELECT if(
            length(arrayCompact(arrayMap(instant -> bitShiftRight(instant, 20), seen_at))) = length(seen_at),
            seen_at,
            arrayMap(
                at_once -> arrayReduce('groupBitOr', at_once),
                arraySplit(
                    (instant, since) -> since != 0,
                    seen_at,
                    arrayDifference(arrayMap(instant -> bitShiftRight(instant, 20), seen_at))))) AS instants, arrayFold((so_far, instant) -> (multiIf(bitTest(instant, 0), toInt64(bitShiftRight(instant, 20)), ((bitTest(instant, 1) AND so_far.1 > 0 AND toInt64(bitShiftRight(instant, 20)) - so_far.1 <= {v10:Int64}) OR bitTest(instant, 10)), toInt64(0), so_far.1), multiIf((bitTest(instant, 1) AND so_far.1 > 0 AND toInt64(bitShiftRight(instant, 20)) - so_far.1 <= {v10:Int64}), so_far.1, ((bitTest(instant, 2) AND so_far.2 > 0 AND toInt64(bitShiftRight(instant, 20)) - so_far.2 <= {v10:Int64}) OR bitTest(instant, 11)), toInt64(0), so_far.2), multiIf((bitTest(instant, 2) AND so_far.2 > 0 AND toInt64(bitShiftRight(instant, 20)) - so_far.2 <= {v10:Int64}), so_far.2, (0 OR bitTest(instant, 12)), toInt64(0), so_far.3), multiIf(so_far.3 > 0 AND so_far.4 < 3, toInt64(3), so_far.2 > 0 AND so_far.4 < 2, toInt64(2), so_far.1 > 0 AND so_far.4 < 1, toInt64(1), so_far.4), multiIf(so_far.3 > 0 AND so_far.4 < 3, so_far.3, so_far.2 > 0 AND so_far.4 < 2, so_far.2, so_far.1 > 0 AND so_far.4 < 1, so_far.1, so_far.5)), instants, (toInt64(0), toInt64(0), toInt64(0), toInt64(0), toInt64(0))) AS followed
        FROM
        (
            SELECT
                seen.session_id AS subject,
                arraySort(groupArray(bitOr(bitShiftLeft(toUInt64(toUnixTimestamp64Milli(seen.created_at)), 20), toUInt64((toUInt32(0)) * 1024 + toUInt32((seen.name = {v0:String} AND seen.created_at < fromUnixTimestamp64Milli({v11:Int64}, 'UTC'))) * 1 + toUInt32((seen.name = {v1:String} AND (seen.path IN {v2:Array(String)}))) * 2 + toUInt32((seen.name NOT IN ('session_start', 'session_end') AND (seen.properties[{v3:String}] IN {v4:Array(String)}))) * 4)))) AS seen_at
            FROM events AS seen
WHERE seen.project_id = {project:String}
    AND toDate(seen.created_at) >= {v12:Date}
    AND seen.created_at >= fromUnixTimestamp64Milli({v13:Int64}, 'UTC')
    AND toDate(seen.created_at) <= {v14:Date}
    AND seen.created_at < fromUnixTimestamp64Milli({v15:Int64}, 'UTC')
    AND ((seen.name = {v0:String} AND seen.created_at < fromUnixTimestamp64Milli({v11:Int64}, 'UTC')) OR (seen.name = {v1:String} AND (seen.path IN {v2:Array(String)})) OR (seen.name NOT IN ('session_start', 'session_end') AND (seen.properties[{v3:String}] IN {v4:Array(String)})))
    AND seen.session_id != 0
            GROUP BY subject
        )
    )
)
WHERE notEmpty(times)
    )
)
GROUP BY labels
)
)
ORDER BY other, place, labels, period;
