SELECT each.1 AS week, count() AS active, countIf(each.2) AS retained
FROM
(
    SELECT
        groupUniqArray(weekly.week) AS weeks,
        arrayJoin(arrayMap(week -> (week, has(weeks, week + 7)), weeks)) AS each
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
    WHERE weekly.project_id = {project:String}
        AND weekly.week >= {first:Date}
        AND (weekly.week < {current:Date}
            OR weekly.week = {current:Date} AND bitAnd(weekly.days, {passed:UInt8}) != 0)
    GROUP BY if(known.target = 0, weekly.person, known.target)
)
GROUP BY week
ORDER BY week;
