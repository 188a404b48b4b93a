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
    SELECT arraySort(arrayFilter(
        at -> at > 0,
        if(
            arrayExists(at -> at > 0 AND at < toUnixTimestamp64Milli(fromUnixTimestamp64Milli({v10:Int64}, 'UTC')), followed.5),
            followed.5,
            arrayMap(
                (at, step) -> if(
                    step = arraySort(
                        met -> followed.5[met + 1],
                        bitPositionsToArray(bitAnd(followed.6, 1023)))[1] + 1,
                    toInt64(bitShiftRight(followed.6, 20)),
                    at),
                followed.5,
                arrayEnumerate(followed.5))))) AS times
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
                    arrayDifference(arrayMap(instant -> bitShiftRight(instant, 20), seen_at))))) AS instants, arrayFold((so_far, instant) -> (multiIf(bitTest(instant, 0), toInt64(bitShiftRight(instant, 20)), bitTest(instant, 10), toInt64(0), so_far.1), multiIf(bitTest(instant, 1), toInt64(bitShiftRight(instant, 20)), bitTest(instant, 10), toInt64(0), so_far.2), multiIf(bitTest(instant, 2), toInt64(bitShiftRight(instant, 20)), bitTest(instant, 10), toInt64(0), so_far.3), multiIf(toInt64(bitShiftRight(instant, 20)) < toUnixTimestamp64Milli(fromUnixTimestamp64Milli({v10:Int64}, 'UTC')) AND bitAnd(instant, 1023) != 0, instant, bitTest(instant, 10), toUInt64(0), so_far.4), if(multiIf(toInt64(bitShiftRight(instant, 20)) < toUnixTimestamp64Milli(fromUnixTimestamp64Milli({v10:Int64}, 'UTC')) AND bitAnd(instant, 1023) != 0, instant, bitTest(instant, 10), toUInt64(0), so_far.4) != 0 AND toInt64(bitShiftRight(multiIf(toInt64(bitShiftRight(instant, 20)) < toUnixTimestamp64Milli(fromUnixTimestamp64Milli({v10:Int64}, 'UTC')) AND bitAnd(instant, 1023) != 0, instant, bitTest(instant, 10), toUInt64(0), so_far.4), 20)) >= toInt64(bitShiftRight(instant, 20)) - {v9:Int64} AND countEqual(arrayMap(at -> if(at >= toInt64(bitShiftRight(instant, 20)) - {v9:Int64}, at, 0), [multiIf(bitTest(instant, 0), toInt64(bitShiftRight(instant, 20)), bitTest(instant, 10), toInt64(0), so_far.1), multiIf(bitTest(instant, 1), toInt64(bitShiftRight(instant, 20)), bitTest(instant, 10), toInt64(0), so_far.2), multiIf(bitTest(instant, 2), toInt64(bitShiftRight(instant, 20)), bitTest(instant, 10), toInt64(0), so_far.3)]), 0) < countEqual(so_far.5, 0), arrayMap(at -> if(at >= toInt64(bitShiftRight(instant, 20)) - {v9:Int64}, at, 0), [multiIf(bitTest(instant, 0), toInt64(bitShiftRight(instant, 20)), bitTest(instant, 10), toInt64(0), so_far.1), multiIf(bitTest(instant, 1), toInt64(bitShiftRight(instant, 20)), bitTest(instant, 10), toInt64(0), so_far.2), multiIf(bitTest(instant, 2), toInt64(bitShiftRight(instant, 20)), bitTest(instant, 10), toInt64(0), so_far.3)]), so_far.5), if(multiIf(toInt64(bitShiftRight(instant, 20)) < toUnixTimestamp64Milli(fromUnixTimestamp64Milli({v10:Int64}, 'UTC')) AND bitAnd(instant, 1023) != 0, instant, bitTest(instant, 10), toUInt64(0), so_far.4) != 0 AND toInt64(bitShiftRight(multiIf(toInt64(bitShiftRight(instant, 20)) < toUnixTimestamp64Milli(fromUnixTimestamp64Milli({v10:Int64}, 'UTC')) AND bitAnd(instant, 1023) != 0, instant, bitTest(instant, 10), toUInt64(0), so_far.4), 20)) >= toInt64(bitShiftRight(instant, 20)) - {v9:Int64} AND countEqual(arrayMap(at -> if(at >= toInt64(bitShiftRight(instant, 20)) - {v9:Int64}, at, 0), [multiIf(bitTest(instant, 0), toInt64(bitShiftRight(instant, 20)), bitTest(instant, 10), toInt64(0), so_far.1), multiIf(bitTest(instant, 1), toInt64(bitShiftRight(instant, 20)), bitTest(instant, 10), toInt64(0), so_far.2), multiIf(bitTest(instant, 2), toInt64(bitShiftRight(instant, 20)), bitTest(instant, 10), toInt64(0), so_far.3)]), 0) < countEqual(so_far.5, 0), multiIf(toInt64(bitShiftRight(instant, 20)) < toUnixTimestamp64Milli(fromUnixTimestamp64Milli({v10:Int64}, 'UTC')) AND bitAnd(instant, 1023) != 0, instant, bitTest(instant, 10), toUInt64(0), so_far.4), so_far.6)), instants, (toInt64(0), toInt64(0), toInt64(0), toUInt64(0), arrayWithConstant(3, toInt64(0)), toUInt64(0))) AS followed
        FROM
        (
            SELECT
                seen.session_id AS subject,
                arraySort(groupArray(bitOr(bitShiftLeft(toUInt64(toUnixTimestamp64Milli(seen.created_at)), 20), toUInt64((toUInt32((seen.name = {v0:String})) * 1 + toUInt32((seen.name = {v0:String})) * 2) * 1024 + toUInt32((seen.name = {v0:String})) * 1 + toUInt32((seen.name = {v1:String} AND (seen.path IN {v2:Array(String)}))) * 2 + toUInt32((seen.name NOT IN ('session_start', 'session_end') AND (seen.properties[{v3:String}] IN {v4:Array(String)}))) * 4)))) AS seen_at
            FROM events AS seen
WHERE seen.project_id = {project:String}
    AND toDate(seen.created_at) >= {v5:Date}
    AND seen.created_at >= fromUnixTimestamp64Milli({v6:Int64}, 'UTC')
    AND toDate(seen.created_at) <= {v7:Date}
    AND seen.created_at < fromUnixTimestamp64Milli({v8:Int64}, 'UTC')
    AND ((seen.name = {v0:String}) OR (seen.name = {v1:String} AND (seen.path IN {v2:Array(String)})) OR (seen.name NOT IN ('session_start', 'session_end') AND (seen.properties[{v3:String}] IN {v4:Array(String)})))
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
