SELECT
    other,
    labels,
    period,
    groupArray((bucket, toFloat64(finalizeAggregation(state_0)), toFloat64(finalizeAggregation(state_1)))) AS points,
    tuple(toFloat64(countMerge(state_0)), toFloat64(uniqExactMerge(state_1))) AS totals
FROM
(
SELECT
    if(rank > {v16:UInt32}, 1, 0) AS other,
    min(rank) AS place,
    if(other, emptyArrayString(), ranked.labels) AS labels,
    cell.1 AS period,
    cell.2 AS bucket,
    countMergeState(cell.3) AS state_0,
    uniqExactMergeState(cell.4) AS state_1
FROM
(
    SELECT labels, cells, row_number() OVER (ORDER BY best, labels) AS rank
    FROM
    (
        SELECT labels, cells, least(row_number() OVER (ORDER BY size_0 DESC, labels), row_number() OVER (ORDER BY size_1 DESC, labels)) AS best
        FROM
        (
        SELECT
        labels,
        groupArray((period, bucket, state_0, state_1)) AS cells,
        ifNull(toFloat64(countMergeIf(state_0, period = 0)), 0) AS size_0,
        ifNull(toFloat64(uniqExactMergeIf(state_1, period = 0)), 0) AS size_1
        FROM
        (
SELECT
    0 AS period,
    [arrayJoin(emptyArrayToSingle(arrayDistinct(CAST(arrayFilter(cohort -> cohort != '', [if(if(known.target = 0, seen.person, known.target) GLOBAL IN
(
SELECT person
FROM
(
SELECT 0 AS rule, person FROM
(
SELECT if(known.target = 0, seen.person, known.target) AS person
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
WHERE seen.project_id = {project:String}
    AND toDate(seen.created_at) >= {v4:Date}
    AND seen.created_at >= fromUnixTimestamp64Milli({v5:Int64}, 'UTC')
    AND toDate(seen.created_at) <= {v6:Date}
    AND seen.created_at < fromUnixTimestamp64Milli({v7:Int64}, 'UTC')
    AND seen.name = {v2:String} AND (seen.country IN {v3:Array(String)})
    AND if(known.target = 0, seen.person, known.target) != 0
GROUP BY person
HAVING count() >= {v8:UInt32}
)
UNION ALL
SELECT 1 AS rule, person FROM
(
SELECT DISTINCT if(known.target = 0, weekly.person, known.target) AS person
FROM r_person_week AS weekly
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
) AS known ON weekly.person = known.person
WHERE weekly.project_id = {project:String} AND if(known.target = 0, weekly.person, known.target) GLOBAL NOT IN
(
SELECT if(known.target = 0, seen.person, known.target) AS person
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
WHERE seen.project_id = {project:String}
    AND toDate(seen.created_at) <= {v6:Date}
    AND seen.created_at < fromUnixTimestamp64Milli({v7:Int64}, 'UTC')
    AND seen.name = {v9:String}
    AND if(known.target = 0, seen.person, known.target) != 0
GROUP BY person
HAVING count() > {v10:UInt32}
)
)
)
GROUP BY person
HAVING count() >= 2
), {v11:String}, ''), if(if(known.target = 0, seen.person, known.target) GLOBAL IN
(
SELECT DISTINCT if(known.target = 0, seen.person, known.target) AS person
FROM
(
    SELECT DISTINCT each.person AS person, each.profile_id AS profile_id
    FROM events AS each
    WHERE each.project_id = {project:String} AND each.person != 0
) AS seen
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
        properties[{v2:String}] AS property_2
    FROM profiles FINAL
    WHERE project_id = {project:String} AND deleted = 0
) AS profile ON if(named.profile_id = '', seen.profile_id, named.profile_id) = profile.profile_id
WHERE ((profile.property_2 IN {v3:Array(String)}))
), {v12:String}, ''), if(if(known.target = 0, seen.person, known.target) GLOBAL IN
(
SELECT DISTINCT if(known.target = 0, kept.person, known.target) AS person
FROM cohort_members AS kept
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
) AS known ON kept.person = known.person
WHERE kept.project_id = {project:String} AND kept.cohort_id = {v0:String} AND kept.generation = {v1:UInt64}
), {v0:String}, '')]), 'Array(String)')))), CAST(if(if(known.target = 0, seen.person, known.target) GLOBAL IN
(
SELECT DISTINCT if(known.target = 0, seen.person, known.target) AS person
FROM
(
    SELECT DISTINCT each.person AS person, each.profile_id AS profile_id
    FROM events AS each
    WHERE each.project_id = {project:String} AND each.person != 0
) AS seen
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
        properties[{v2:String}] AS property_2
    FROM profiles FINAL
    WHERE project_id = {project:String} AND deleted = 0
) AS profile ON if(named.profile_id = '', seen.profile_id, named.profile_id) = profile.profile_id
WHERE ((profile.property_2 IN {v3:Array(String)}))
), 'true', 'false'), 'String')] AS labels,
    indexOf({v13:Array(Int64)}, roundDown(toUnixTimestamp64Milli(seen.created_at), {v13:Array(Int64)}) AS edge) AS bucket,
    countStateIf(seen.name = {v2:String}) AS state_0,
    uniqExactStateIf(if(known.target = 0, seen.person, known.target), seen.name NOT IN ('session_start', 'session_end') AND if(known.target = 0, seen.person, known.target) != 0) AS state_1
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
WHERE seen.project_id = {project:String}
    AND toDate(seen.created_at) >= {v14:Date}
    AND seen.created_at >= fromUnixTimestamp64Milli({v15:Int64}, 'UTC')
    AND toDate(seen.created_at) <= {v6:Date}
    AND seen.created_at < fromUnixTimestamp64Milli({v7:Int64}, 'UTC')
    AND ((seen.name = {v2:String}) OR (seen.name NOT IN ('session_start', 'session_end')))
    AND NOT (if(known.target = 0, seen.person, known.target) GLOBAL IN
(
SELECT DISTINCT if(known.target = 0, kept.person, known.target) AS person
FROM cohort_members AS kept
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
) AS known ON kept.person = known.person
WHERE kept.project_id = {project:String} AND kept.cohort_id = {v0:String} AND kept.generation = {v1:UInt64}
))
GROUP BY labels, edge
        )
        GROUP BY labels
        )
    )
) AS ranked
ARRAY JOIN cells AS cell
GROUP BY other, labels, period, bucket
)
GROUP BY other, labels, period
ORDER BY other, min(place), labels, period;
