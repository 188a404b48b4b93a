SELECT each.1 AS week, count() AS active, countIf(each.2) AS retained
FROM
(
    SELECT
        groupUniqArray(weekly.week) AS weeks,
        arrayJoin(arrayMap(week -> (week, has(weeks, week + 7)), weeks)) AS each
    FROM r_person_week AS weekly
    GLOBAL ANY LEFT JOIN
    (
    SELECT hop.person AS person, if(onward.target = 0, hop.target, onward.target) AS target
    FROM
    (
        SELECT person, argMax(person_overrides.into, version) AS target
        FROM person_overrides
        WHERE project_id = {project:String}
        GROUP BY person
    ) AS hop
    GLOBAL ANY LEFT JOIN
    (
        SELECT person, argMax(person_overrides.into, version) AS target
        FROM person_overrides
        WHERE project_id = {project:String}
        GROUP BY person
    ) AS onward ON hop.target = onward.person
    ) AS known ON weekly.person = known.person
    WHERE weekly.project_id = {project:String}
        AND weekly.week >= {first:Date}
        AND (weekly.week < {current:Date}
            OR weekly.week = {current:Date} AND bitAnd(weekly.days, {passed:UInt8}) != 0)
    GROUP BY if(known.target = 0, weekly.person, known.target)
)
GROUP BY week
ORDER BY week;
