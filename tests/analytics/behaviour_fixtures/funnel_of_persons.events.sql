SELECT other, labels, period, finalizeAggregation(state_0), finalizeAggregation(state_1), finalizeAggregation(state_2), finalizeAggregation(state_3), finalizeAggregation(state_4)
FROM
(
SELECT
    if(rank > {v12:UInt32}, 1, 0) AS other,
    min(rank) AS place,
    if(other, emptyArrayString(), ranked.labels) AS labels,
    cell.1 AS period,
    cell.2 AS bucket,
    sumForEachMergeState(cell.3) AS state_0,
    quantileExactInclusiveForEachMergeState(0.5)(cell.4) AS state_1,
    avgForEachMergeState(cell.5) AS state_2,
    quantileExactInclusiveMergeState(0.5)(cell.6) AS state_3,
    avgMergeState(cell.7) AS state_4
FROM
(
    SELECT labels, cells, row_number() OVER (ORDER BY best, labels) AS rank
    FROM
    (
        SELECT labels, cells, row_number() OVER (ORDER BY size_0 DESC, labels) AS best
        FROM
        (
        SELECT
        labels,
        groupArray((period, bucket, state_0, state_1, state_2, state_3, state_4)) AS cells,
        ifNull(sumForEachMergeIf(state_0, period = 0)[1], 0) AS size_0
        FROM
        (
SELECT
    0 AS period,
    [arrayJoin(carried[1])] AS labels,
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
SELECT times, arraySort(arrayFilter(each -> each.1 = times[1], carrying))[1].3 AS carried
FROM
(
    SELECT arraySlice([multiIf(followed.3 > 0 AND followed.4 < 3, followed.3, followed.2 > 0 AND followed.4 < 2, followed.2, followed.1 > 0 AND followed.4 < 1, followed.1, followed.5) AS step_1, if(reached < 2, 0, toInt64(bitShiftRight(arrayFirst(instant -> bitTest(instant, 1) AND toInt64(bitShiftRight(instant, 20)) > step_1, instants), 20))) AS step_2, if(reached < 3, 0, toInt64(bitShiftRight(arrayFirst(instant -> bitTest(instant, 2) AND toInt64(bitShiftRight(instant, 20)) > step_2, instants), 20))) AS step_3], 1, multiIf(followed.3 > 0 AND followed.4 < 3, toInt64(3), followed.2 > 0 AND followed.4 < 2, toInt64(2), followed.1 > 0 AND followed.4 < 1, toInt64(1), followed.4) AS reached) AS times, carrying
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
                    arrayDifference(arrayMap(instant -> bitShiftRight(instant, 20), seen_at))))) AS instants, arrayFold((so_far, instant) -> (multiIf(bitTest(instant, 0), toInt64(bitShiftRight(instant, 20)), 1, toInt64(0), so_far.1), multiIf((bitTest(instant, 1) AND so_far.1 > 0 AND toInt64(bitShiftRight(instant, 20)) - so_far.1 <= {v11:Int64}), so_far.1, 1, toInt64(0), so_far.2), multiIf((bitTest(instant, 2) AND so_far.2 > 0 AND toInt64(bitShiftRight(instant, 20)) - so_far.2 <= {v11:Int64}), so_far.2, 1, toInt64(0), so_far.3), multiIf(so_far.3 > 0 AND so_far.4 < 3, toInt64(3), so_far.2 > 0 AND so_far.4 < 2, toInt64(2), so_far.1 > 0 AND so_far.4 < 1, toInt64(1), so_far.4), multiIf(so_far.3 > 0 AND so_far.4 < 3, so_far.3, so_far.2 > 0 AND so_far.4 < 2, so_far.2, so_far.1 > 0 AND so_far.4 < 1, so_far.1, so_far.5)), instants, (toInt64(0), toInt64(0), toInt64(0), toInt64(0), toInt64(0))) AS followed, carrying
        FROM
        (
            SELECT
                if(known.target = 0, seen.person, known.target) AS subject,
                arraySort(groupArray(bitOr(bitShiftLeft(toUInt64(toUnixTimestamp64Milli(seen.created_at)), 20), toUInt64((toUInt32((seen.name = {v5:String})) * 2) * 1024 + toUInt32((seen.name = {v0:String} AND seen.created_at < fromUnixTimestamp64Milli({v6:Int64}, 'UTC'))) * 1 + toUInt32((seen.name = {v1:String} AND (seen.path IN {v2:Array(String)}))) * 2 + toUInt32((seen.name NOT IN ('session_start', 'session_end') AND (seen.properties[{v3:String}] IN {v4:Array(String)}))) * 4)))) AS seen_at,
                groupArrayIf((toUnixTimestamp64Milli(seen.created_at), seen.event_id, [[CAST(profile.email, 'String')]]), seen.name = {v0:String} AND seen.created_at < fromUnixTimestamp64Milli({v6:Int64}, 'UTC')) AS carrying
            FROM events AS seen
GLOBAL ANY LEFT JOIN
(
    WITH
        (
            SELECT (groupArray(person), groupArray(next))
            FROM
            (
        SELECT person, argMax(person_overrides.into, version) AS next
        FROM person_overrides
        WHERE project_id = {project:String}
            AND person GLOBAL IN
            (
                SELECT person_overrides.into FROM person_overrides WHERE project_id = {project:String}
            )
        GROUP BY person
            )
        ) AS onward,
        arrayMap(
            start -> arrayFold(
                (way, hop) -> (
                    transform(way.1, onward.1, onward.2, way.1),
                    if(hop < 32, way.1, least(way.1, way.2))),
                range(2 * 32),
                (start, start)).2,
            onward.2) AS ends
    SELECT latest.person AS person, transform(latest.next, onward.1, ends, latest.next) AS target
    FROM
    (
        SELECT person, argMax(person_overrides.into, version) AS next
        FROM person_overrides
        WHERE project_id = {project:String}
        GROUP BY person
    ) AS latest
    WHERE latest.person != target
) AS known ON seen.person = known.person
GLOBAL ANY LEFT JOIN
(
    SELECT person, max((in_session, profile_id)).2 AS profile_id
    FROM
    (
        SELECT visit.person AS person, 1 AS in_session, visit.profile_id AS profile_id
        FROM sessions AS visit
        WHERE visit.project_id = {project:String} AND visit.profile_id != ''
        UNION ALL
        SELECT told.person AS person, 0 AS in_session, told.profile_id AS profile_id
        FROM profiles AS told FINAL
        WHERE told.project_id = {project:String} AND told.person != 0
    )
    GROUP BY person
) AS named ON if(known.target = 0, seen.person, known.target) = named.person
GLOBAL ANY LEFT JOIN
(
    SELECT
        profile_id,
        email AS email
    FROM profiles FINAL
    WHERE project_id = {project:String} AND deleted = 0
) AS profile ON if(named.profile_id = '', seen.profile_id, named.profile_id) = profile.profile_id
WHERE seen.project_id = {project:String}
    AND toDate(seen.created_at) >= {v7:Date}
    AND seen.created_at >= fromUnixTimestamp64Milli({v8:Int64}, 'UTC')
    AND toDate(seen.created_at) <= {v9:Date}
    AND seen.created_at < fromUnixTimestamp64Milli({v10:Int64}, 'UTC')
    AND ((seen.name NOT IN ('session_start', 'session_end')) OR (seen.name = {v0:String} AND seen.created_at < fromUnixTimestamp64Milli({v6:Int64}, 'UTC')) OR (seen.name = {v1:String} AND (seen.path IN {v2:Array(String)})) OR (seen.name NOT IN ('session_start', 'session_end') AND (seen.properties[{v3:String}] IN {v4:Array(String)})) OR (seen.name = {v5:String}))
    AND if(known.target = 0, seen.person, known.target) != 0
            GROUP BY subject
        )
    )
)
WHERE notEmpty(times)
    )
)
GROUP BY labels
        )
        GROUP BY labels
        )
    )
) AS ranked
ARRAY JOIN cells AS cell
GROUP BY other, labels, period, bucket
)
ORDER BY other, place, labels, period;
